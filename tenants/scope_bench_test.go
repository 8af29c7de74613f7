package tenants_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkScope compares one query in a scope with the same query on a bare
// *gorm.DB of the same driver and settings: "query" alone, "transaction" inside
// db.Transaction.
func BenchmarkScope(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine})
			tenant := env.Tenant(b, "acme")
			one := func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}, "id = ?", 1).Error }
			if err := env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
				b.Fatal(err)
			}
			bare := openBare(b, env, tenant)
			run := func(name string, f func() error) {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for range b.N {
						if err := f(); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
			run("bare-query", func() error { return one(bare) })
			run("bare-transaction", func() error { return bare.Transaction(one) })
			run("View", func() error { return env.Store.View(b.Context(), tenant, one) })
			run("Update", func() error { return env.Store.Update(b.Context(), tenant, one) })
		})
	}
}

// openBare is a *gorm.DB on the tenant's database with nothing of this package
// between it and the driver.
func openBare(b *testing.B, env *tenantstest.Env, tenant *tenants.Tenant) *gorm.DB {
	b.Helper()
	conns, err := env.Engine.Open(b.Context(), tenant)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conns.Close() })
	bare := env.Engine.Base().Session(&gorm.Session{NewDB: true, Context: b.Context()})
	bare.Config.ConnPool, bare.Statement.ConnPool = conns.Write, conns.Write
	return bare
}

// BenchmarkReadThenWrite has 16 goroutines read and then write one tenant. Its
// slowest is the longest that any of them took.
func BenchmarkReadThenWrite(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine})
			tenant := env.Tenant(b, "acme")
			if err := env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "0") }); err != nil {
				b.Fatal(err)
			}
			var slowest atomic.Int64
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var group sync.WaitGroup
			for range 16 {
				group.Go(func() {
					for left.Add(-1) >= 0 {
						begin := time.Now()
						if err := env.Store.Update(b.Context(), tenant, readThenWrite); err != nil {
							b.Error(err)
						}
						took := int64(time.Since(begin))
						for old := slowest.Load(); took > old && !slowest.CompareAndSwap(old, took); old = slowest.Load() {
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
		})
	}
}
