package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tenantry/tenants/alerts"
)

// alertsTimeout limits the time in which a scrape looks for alerts.
const alertsTimeout = 3 * time.Second

// alarm collects the number of alerts of each kind.
type alarm struct {
	watch   *alerts.Watch
	program string // begins the metric's name
}

// Describe describes the metric.
func (a alarm) Describe(into chan<- *prometheus.Desc) { into <- a.desc() }

func (a alarm) desc() *prometheus.Desc {
	return prometheus.NewDesc(a.program+"_alert", "How much an operator should look at now, by its kind.", []string{"kind"}, nil)
}

// Collect looks for alerts.
func (a alarm) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), alertsTimeout)
	defer cancel()
	_, counts := a.watch.Check(ctx)
	for kind, n := range counts {
		into <- prometheus.MustNewConstMetric(a.desc(), gauge, float64(n), string(kind))
	}
}
