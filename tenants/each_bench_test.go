package tenants_test

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// BenchmarkEach visits 1,000 cold SQLite tenants with a query, and opens and closes as many for comparison. The time of the
// CPU depends less on what else the machine does.
func BenchmarkEach(b *testing.B) {
	env := tenantstest.New(b, tenantstest.Options{MaxOpen: 10})
	var made []*tenants.Tenant
	for i := range 1000 {
		made = append(made, env.Tenant(b, fmt.Sprintf("acme-%04d", i)))
	}
	b.Run("open", func(b *testing.B) {
		defer measureCPU(b)()
		for b.Loop() {
			var group errgroup.Group
			group.SetLimit(4)
			for _, tenant := range made {
				group.Go(func() error {
					conns, err := env.Engine.Open(b.Context(), tenant)
					if err != nil {
						return err
					}
					var n int
					if err := conns.Read.QueryRow("SELECT count(*) FROM goose_db_version").Scan(&n); err != nil {
						return err
					}
					return conns.Close()
				})
			}
			if err := group.Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("view", func(b *testing.B) { // opening as for a request, with slots enough for those that are open at once
		defer measureCPU(b)()
		for b.Loop() {
			var group errgroup.Group
			group.SetLimit(4)
			for _, tenant := range made {
				group.Go(func() error { return env.Store.View(b.Context(), tenant, func(*gorm.DB) error { return nil }) })
			}
			if err := group.Wait(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("query", func(b *testing.B) {
		defer measureCPU(b)()
		for b.Loop() {
			reach, err := env.Store.Each(b.Context(), tenants.Filter{}, tenants.EachOptions{Parallel: 4}, func(_ *tenants.Tenant, tx *gorm.DB) error {
				var n int
				return tx.Raw("SELECT count(*) FROM folders").Scan(&n).Error
			})
			if err != nil || reach.Answered != len(made) {
				b.Fatalf("%+v, %v", reach, err)
			}
		}
	})
}

// measureCPU begins to measure the process's time of the CPU. The function that it returns reports it.
func measureCPU(b *testing.B) func() {
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N)/1e6, "cpu-ms/op") }
}
