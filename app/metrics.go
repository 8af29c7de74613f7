package app

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tenantry/handlers/traffic"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// metrics are the metrics of this process. They name no tenant, so that their
// number stays constant.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration prometheus.Histogram
}

// newMetrics returns metrics whose names begin with the program's name.
func newMetrics(store *tenants.Store, program string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: program, Name: "requests_total", Help: "Requests to the public listener, by the class of their status.",
		}, []string{"class"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: program, Name: "request_duration_seconds", Help: "How long requests to the public listener took.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30},
		}),
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests, m.duration, loads{store, program},
	)
	return m
}

// serve answers in Prometheus' text format.
func (m *metrics) serve() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
}

// loads collects what is open of what may be open.
type loads struct {
	store   *tenants.Store
	program string // begins the metrics' names
}

// Describe describes no metrics in advance: the servers are known only when
// they are collected.
func (loads) Describe(chan<- *prometheus.Desc) {}

const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue

// Collect reads them all.
func (l loads) Collect(into chan<- prometheus.Metric) {
	load := l.store.Load()
	l.send(into, []reading{
		{"handles_open", "Tenants' databases that are open.", gauge, float64(load.Open)},
		{"handles_leased", "Tenants' databases that requests use.", gauge, float64(load.Leased)},
		{"handles_limit", "Tenants' databases that may be open at once.", gauge, float64(load.Limit)},
		{"handles_waiting", "Tenants waiting for a place among those.", gauge, float64(load.Waiting)},
		{"handles_opened_total", "Tenants' databases that were opened.", counter, float64(load.Opened)},
		{"tenants_failing", "Tenants whose databases could not be opened when this process tried last.", gauge,
			float64(len(l.store.Failing()))},
		{"handle_waits_total", "Requests that had to wait for a place.", counter, float64(load.Waits)},
	}, nil)
	for _, server := range l.store.Servers() {
		engine, err := l.store.Server(server)
		if b, ok := engine.(tenants.Budgeted); ok && err == nil {
			l.collectConnections(into, server, b.Connections())
		}
	}
}

func (l loads) collectConnections(into chan<- prometheus.Metric, server string, c tenants.Connections) {
	l.send(into, []reading{
		{"connections_used", "Connections to tenants' databases.", gauge, float64(c.Used)},
		{"connections_limit", "Connections to tenants' databases that there may be at once.", gauge, float64(c.Limit)},
		{"connections_waiting", "How many wait for a connection.", gauge, float64(c.Waiting)},
		{"connections_changed_total", "Connections that a tenant got from another one.", counter, float64(c.Changed)},
		{"connections_refused_total", "Requests for a connection that were refused or waited in vain.", counter, float64(c.Refused)},
	}, prometheus.Labels{"server": server})
}

// reading is the present value of a metric.
type reading struct {
	name, help string
	kind       prometheus.ValueType
	value      float64
}

func (l loads) send(into chan<- prometheus.Metric, readings []reading, labels prometheus.Labels) {
	for _, r := range readings {
		desc := prometheus.NewDesc(l.program+"_"+r.name, r.help, nil, labels)
		into <- prometheus.MustNewConstMetric(desc, r.kind, r.value)
	}
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
			m.duration.Observe(took.Seconds())
			id := ""
			if t, ok := web.Resolved(c); ok {
				id = t.ID
			}
			recorder.Record(id, status >= http.StatusInternalServerError, took)
		}()
		c.Next()
	}
}
