package tenants_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// BenchmarkNeighbours measures what sixteen goroutines that read one tenant without a pause do to the requests of
// four others. Each of these reads every five milliseconds, and its latency counts from the moment when the request
// was due. Times with and without the sixteen alternate; p50-ratio and p99-ratio compare them.
func BenchmarkNeighbours(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		for _, rows := range []int{20, 1000} {
			b.Run(fmt.Sprintf("%s/rows=%d", engine, rows), func(b *testing.B) { benchmarkNeighbours(b, engine, rows) })
		}
	}
}

func benchmarkNeighbours(b *testing.B, engine tenantstest.Engine, rows int) {
	env := tenantstest.New(b, tenantstest.Options{Engine: engine})
	read := func(t *tenants.Tenant, rows int) {
		err := env.Store.View(context.Background(), t, func(tx *gorm.DB) error {
			return tx.Limit(rows).Find(&[]notes.Folder{}).Error
		})
		if err != nil {
			b.Error(err)
		}
	}
	reader, others := folderTenant(b, env, "reader"), make([]*tenants.Tenant, 4)
	for i := range others {
		others[i] = folderTenant(b, env, fmt.Sprint("other", i))
		read(others[i], 20)
	}
	var alone, beside []time.Duration
	var reads atomic.Int64
	const part = 400 // requests of each other tenant
	for b.Loop() {
		alone = append(alone, measureOthers(others, part, func(t *tenants.Tenant) { read(t, 20) })...)
		stop := readAll(16, func() { read(reader, rows); reads.Add(1) })
		beside = append(beside, measureOthers(others, part, func(t *tenants.Tenant) { read(t, 20) })...)
		stop()
	}
	reportBeside(b, alone, beside)
	b.ReportMetric(float64(reads.Load())/(float64(b.N)*part*0.005), "reads/s")
}

// reportBeside compares latencies without and with other work.
func reportBeside(b *testing.B, alone, beside []time.Duration) {
	for name, p := range map[string]float64{"p50": 0.5, "p99": 0.99} {
		before, after := quantile(alone, p), quantile(beside, p)
		b.ReportMetric(float64(before.Microseconds()), name+"-alone-us")
		b.ReportMetric(float64(after)/float64(before), name+"-ratio")
	}
}

// BenchmarkManyReaders has 32 goroutines read fourteen tenants in turn. It shows what passing turns costs where all
// tenants are equally busy.
func BenchmarkManyReaders(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine, MaxOpen: 14})
			list := make([]*tenants.Tenant, 14)
			for i := range list {
				list[i] = env.Tenant(b, fmt.Sprint("t", i))
				readOne(b, env, list[i])
			}
			var begun atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range 32 {
				group.Go(func() {
					for i := begun.Add(1); i <= int64(b.N); i = begun.Add(1) {
						readOne(b, env, list[i%14])
					}
				})
			}
			group.Wait()
		})
	}
}

// folderTenant creates a tenant with a thousand folders.
func folderTenant(b *testing.B, env *tenantstest.Env, name string) *tenants.Tenant {
	b.Helper()
	tenant := env.Tenant(b, name)
	err := env.Store.Update(b.Context(), tenant, func(tx *gorm.DB) error {
		folders := make([]notes.Folder, 1000)
		for i := range folders {
			folders[i].Name = fmt.Sprint("folder ", i)
		}
		return tx.CreateInBatches(folders, 100).Error
	})
	if err != nil {
		b.Fatal(err)
	}
	return tenant
}

// readAll calls read in n goroutines until stop is called.
func readAll(n int, read func()) (stop func()) {
	var group sync.WaitGroup
	var over atomic.Bool
	for range n {
		group.Go(func() {
			for !over.Load() {
				read()
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	return func() { over.Store(true); group.Wait() }
}

// measureOthers makes n requests of each tenant, and returns their latencies.
func measureOthers(others []*tenants.Tenant, n int, read func(*tenants.Tenant)) []time.Duration {
	const every = 5 * time.Millisecond
	took := make([][]time.Duration, len(others))
	var group sync.WaitGroup
	for i, t := range others {
		group.Go(func() {
			due := time.Now().Add(time.Duration(i) * every / time.Duration(len(others)))
			for range n {
				time.Sleep(time.Until(due))
				read(t)
				now := time.Now()
				took[i] = append(took[i], now.Sub(due))
				for due = due.Add(every); due.Before(now); { // a client that waits sends nothing
					due = due.Add(every)
				}
			}
		})
	}
	group.Wait()
	return slices.Concat(took...)
}

func quantile(of []time.Duration, p float64) time.Duration {
	slices.Sort(of)
	return of[min(int(p*float64(len(of))), len(of)-1)]
}
