package tracing

import (
	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/contrib/instrumentation/github.com/gin-gonic/gin/otelgin"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
)

// Requests returns handlers that begin the span of a request. A trace that the client has begun is continued
// only if trusted says so: strangers must not decide what is sampled.
func (t *Tracing) Requests(service string, trusted func(c *gin.Context) bool) []gin.HandlerFunc {
	forget := func(c *gin.Context) {
		if !trusted(c) {
			for _, name := range (propagation.TraceContext{}).Fields() {
				c.Request.Header.Del(name)
			}
		}
	}
	begin := otelgin.Middleware(service, otelgin.WithTracerProvider(t.provider),
		otelgin.WithPropagators(propagation.TraceContext{}), otelgin.WithMeterProvider(noop.NewMeterProvider()),
		otelgin.WithSpanNameFormatter(spanName))
	return []gin.HandlerFunc{forget, begin}
}

// spanName returns the method and the route of a request.
func spanName(c *gin.Context) string {
	if c.FullPath() == "" {
		return "no route"
	}
	return c.Request.Method + " " + c.FullPath()
}
