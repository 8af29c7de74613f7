package tenants_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkFirstTouch reads tenants whose handles are closed while 2,000 others are open: each read closes a handle
// and opens another. It reports the processor time of one.
func BenchmarkFirstTouch(b *testing.B) {
	const open, all = 2000, 3000
	env, list := manyTenants(b, all, open)
	for _, t := range list[:open] {
		readOne(b, env, t)
	}
	begin := processorTime(b)
	i := open
	for b.Loop() {
		readOne(b, env, list[i%all])
		i++
	}
	b.ReportMetric(float64((processorTime(b)-begin).Microseconds())/float64(b.N), "cpu-us/op")
}

// BenchmarkZipf compares reads of 10,000 tenants, some far more often read than others, with those of one tenant, both
// by processor time.
func BenchmarkZipf(b *testing.B) {
	const open, all, reads = 2000, 10_000, 20_000
	env, list := manyTenants(b, all, open)
	next := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, all-1)
	for range reads {
		readOne(b, env, list[next.Uint64()])
	}
	var one, many time.Duration
	opened := env.Store.Load().Opened
	for b.Loop() {
		begin := processorTime(b)
		for range reads {
			readOne(b, env, list[0])
		}
		middle := processorTime(b)
		for range reads {
			readOne(b, env, list[next.Uint64()])
		}
		one, many = one+middle-begin, many+processorTime(b)-middle
	}
	b.ReportMetric(float64(many)/float64(one), "ratio")
	b.ReportMetric(float64(one.Microseconds())/float64(b.N*reads), "one-cpu-us")
	b.ReportMetric(float64(env.Store.Load().Opened-opened)/float64(b.N*reads), "opened/read")
}

// manyTenants returns a store on SQLite that keeps some handles open, and its tenants.
func manyTenants(b *testing.B, all, open int) (*tenantstest.Env, []*tenants.Tenant) {
	b.Helper()
	env := tenantstest.New(b, tenantstest.Options{Engine: tenantstest.SQLite, MaxOpen: open, Rest: time.Hour})
	list := make([]*tenants.Tenant, all)
	for i := range list {
		list[i] = env.Tenant(b, fmt.Sprint("t", i))
	}
	return env, list
}

func readOne(b *testing.B, env *tenantstest.Env, t *tenants.Tenant) {
	b.Helper()
	err := env.Store.View(b.Context(), t, func(tx *gorm.DB) error { return tx.Limit(20).Find(&[]notes.Folder{}).Error })
	if err != nil {
		b.Error(err)
	}
}

// processorTime returns the time that the process has spent on processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
