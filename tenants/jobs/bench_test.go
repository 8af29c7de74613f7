package jobs_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkEnqueue measures what a job costs the transaction that writes it: "ratio" is how long one with a job takes to one
// without, alternating in one run. It is "first" for a tenant of which the process has written none yet, so that the master is
// written as well, and "burst" for sixteen such tenants at once. TMPDIR must be on a disk.
func BenchmarkEnqueue(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine, Schema: schema(b)})
			run(b, env, steps(newRan())) // a process that serves
			made := 0
			tenant := func() *tenants.Tenant {
				made++
				tenant := env.Tenant(b, fmt.Sprint("t", made))
				writeFolder(b, env, tenant, nil)
				return tenant
			}
			b.Run("next", func(b *testing.B) {
				tenant := tenant()
				writeFolder(b, env, tenant, step{})
				compare(b, func() (without, with time.Duration) {
					return writeFolder(b, env, tenant, nil), writeFolder(b, env, tenant, step{})
				})
			})
			b.Run("first", func(b *testing.B) {
				compare(b, func() (without, with time.Duration) {
					tenant := tenant()
					return writeFolder(b, env, tenant, nil), writeFolder(b, env, tenant, step{})
				})
			})
			b.Run("burst", func(b *testing.B) {
				compare(b, func() (without, with time.Duration) {
					all := make([]*tenants.Tenant, 16)
					for i := range all {
						all[i] = tenant()
					}
					return writeFolders(b, env, all, nil), writeFolders(b, env, all, step{})
				})
			})
		})
	}
}

// compare reports how the times of many runs compare.
func compare(b *testing.B, run func() (without, with time.Duration)) {
	var without, with time.Duration
	for range b.N {
		one, other := run()
		without, with = without+one, with+other
	}
	b.ReportMetric(float64(with)/float64(without), "ratio")
	b.ReportMetric(float64(without.Microseconds())/float64(b.N), "µs/without")
}

// writeFolder returns how long a transaction takes that reads and writes a folder, and a job unless args is nil.
func writeFolder(b *testing.B, env *tenantstest.Env, tenant *tenants.Tenant, args jobs.Args) time.Duration {
	begun := time.Now()
	err := env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error {
		var last notes.Folder
		if err := tx.Order("id DESC").Limit(1).Find(&last).Error; err != nil {
			return err
		}
		if err := tx.Create(&notes.Folder{Name: fmt.Sprint("after ", last.ID)}).Error; err != nil || args == nil {
			return err
		}
		return jobs.Enqueue(tx, args, jobs.Options{ScheduledAt: begun.Add(time.Hour)})
	})
	if err != nil {
		b.Error(err)
	}
	return time.Since(begun)
}

// writeFolders is writeFolder for several tenants at once.
func writeFolders(b *testing.B, env *tenantstest.Env, all []*tenants.Tenant, args jobs.Args) time.Duration {
	begun := time.Now()
	var group sync.WaitGroup
	for _, tenant := range all {
		group.Go(func() { writeFolder(b, env, tenant, args) })
	}
	group.Wait()
	return time.Since(begun)
}
