package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tenantry/tenants/proof"
)

// proven collects how the proofs of backups stand. It reads them from the master.
type proven struct {
	proofs  *proof.Proofs
	program string // begins the metrics' names
	now     func() time.Time
}

// Describe describes the metrics.
func (p proven) Describe(into chan<- *prometheus.Desc) {
	into <- p.age()
	into <- p.failed()
}

func (p proven) age() *prometheus.Desc {
	return prometheus.NewDesc(p.program+"_backup_proof_age_seconds", "Age of the oldest of the tenants' newest successful restores of a backup; that of a tenant that has none.", nil, nil)
}

func (p proven) failed() *prometheus.Desc {
	return prometheus.NewDesc(p.program+"_backup_proofs_failed", "Tenants whose newest backup could not be restored when that was tried last.", nil, nil)
}

// Collect reads them. Without an answer of the master there are none.
func (p proven) Collect(into chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), alertsTimeout)
	defer cancel()
	standing, err := p.proofs.Standing(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if standing.OldestProof != nil {
		age = max(0, p.now().Sub(*standing.OldestProof).Seconds())
	}
	into <- prometheus.MustNewConstMetric(p.age(), gauge, age)
	into <- prometheus.MustNewConstMetric(p.failed(), gauge, float64(standing.Failed))
}
