package jobs_test

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkEnqueue measures what a job costs the transaction that writes it: "ratio" is how long one with a job takes to one
// without, alternating in one run.
func BenchmarkEnqueue(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine, Schema: schema(b)})
			tenant := env.Tenant(b, "acme")
			later := jobs.Options{ScheduledAt: time.Now().Add(time.Hour)}
			var with, without time.Duration
			n := 0
			write := func(args jobs.Args) time.Duration {
				n++
				begun := time.Now()
				must(b, env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error {
					var last notes.Folder
					must(b, tx.Order("id DESC").Limit(1).Find(&last).Error)
					must(b, tx.Create(&notes.Folder{Name: fmt.Sprint(n)}).Error)
					if args != nil {
						return jobs.Enqueue(tx, args, later)
					}
					return nil
				}))
				return time.Since(begun)
			}
			write(step{})
			for b.Loop() {
				without += write(nil)
				with += write(step{"x"})
			}
			b.ReportMetric(float64(with)/float64(without), "ratio")
			b.ReportMetric(float64(without.Microseconds())/float64(b.N), "µs/without")
		})
	}
}
