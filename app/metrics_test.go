package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants/traffic"
)

// BenchmarkMeasure measures the cost of counting a request.
func BenchmarkMeasure(b *testing.B) {
	recorder := traffic.New(traffic.DefaultTenants, time.Now)
	for name, first := range map[string][]gin.HandlerFunc{
		"counted": {measure(newMetrics(nil, recorder, nil, nil, nil, "tenantry"), recorder)}, "not": nil,
	} {
		b.Run(name, func(b *testing.B) {
			r := gin.New()
			r.Use(first...)
			r.GET("/", func(c *gin.Context) { c.Status(http.StatusNoContent) })
			request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				r.ServeHTTP(w, request)
			}
		})
	}
}
