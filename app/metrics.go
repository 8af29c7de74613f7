package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/jobs"
	"tenantry/tenants/traffic"
	"tenantry/tenants/web"
)

// metrics are the metrics of this process. Their number is bounded, whatever
// clients send and however many tenants there are: paths are named by their
// routes, and only the busiest tenants by their subdomains.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// newMetrics returns metrics whose names begin with the program's name.
func newMetrics(store *tenants.Store, recorder *traffic.Recorder, backups *backup.Backups, exports *exports.Exports, counts *jobs.Counts, program string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: program, Name: "requests_total", Help: "Requests to the public listener, by the class of their status.",
		}, []string{"class"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: program, Name: "request_duration_seconds", Help: "How long requests to the public listener took, by their route.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.duration, loads{store, recorder, program, backups, exports, counts},
	)
	return m
}

// serve answers in Prometheus' text format.
func (m *metrics) serve() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
}

// measure counts requests, once their outcome is known.
func measure(m *metrics, recorder *traffic.Recorder) gin.HandlerFunc {
	var classes [6]prometheus.Counter
	for i := range classes[1:] {
		classes[i+1] = m.requests.WithLabelValues(strconv.Itoa(i+1) + "xx")
	}
	return func(c *gin.Context) {
		begin := time.Now()
		defer func() {
			took, status := time.Since(begin), c.Writer.Status()
			if class := status / 100; class > 0 && class < len(classes) {
				classes[class].Inc()
			}
			method, route := routeOf(c)
			m.duration.WithLabelValues(method, route).Observe(took.Seconds())
			request := traffic.Request{Failed: status >= http.StatusInternalServerError, Took: took}
			if t, ok := web.Resolved(c); ok {
				request.TenantID, request.Tenant = t.ID, t.Subdomain
				request.Group = traffic.Group{Server: t.Server, SchemaVersion: t.SchemaVersion}
			}
			recorder.Record(request)
		}()
		c.Next()
	}
}

// routeOf returns the method and the pattern of the request's route. Requests
// that no route takes are counted together: they can have any method and path.
func routeOf(c *gin.Context) (method, route string) {
	switch route = c.FullPath(); {
	case route == "":
		return "other", "other"
	case c.Request.Method == http.MethodHead:
		return http.MethodGet, route
	}
	return c.Request.Method, route
}
