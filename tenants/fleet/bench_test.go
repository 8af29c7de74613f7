package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// BenchmarkMigrate compares a run that adds a column to each tenant with the bare statements on as many other
// databases, by as many workers. The two take turns, with half of the tenants each time. With TENANTRY_TEST_LONG=1 it
// also has 10,000 tenants, which shows how the heap grows with their number.
func BenchmarkMigrate(b *testing.B) {
	sizes := []int{1000}
	if os.Getenv("TENANTRY_TEST_LONG") != "" {
		sizes = append(sizes, 10_000)
	}
	for _, number := range sizes {
		b.Run(fmt.Sprint(tenantstest.SQLite, "/", number), func(b *testing.B) { benchmarkMigrate(b, tenantstest.SQLite, number) })
	}
	b.Run(string(tenantstest.Postgres), func(b *testing.B) { benchmarkMigrate(b, tenantstest.Postgres, 100) })
}

func benchmarkMigrate(b *testing.B, engine tenantstest.Engine, number int) {
	const statement, workers = "ALTER TABLE notes ADD COLUMN colour text NOT NULL DEFAULT 'white'", 4
	var bare, run time.Duration
	var heap int64
	for b.Loop() {
		next, theirs := half(b, engine, number, "-- +goose Up\n"+statement+";\n")
		f := fleet.New(next.Store, next.Lifecycle, slog.New(slog.DiscardHandler))
		for part := range 2 {
			bare += took(b, func() error {
				return eachOf(theirs[part*number/2:(part+1)*number/2], workers, func(t *tenants.Tenant) {
					next.Alter(b, t, "BEGIN", statement, "COMMIT")
				})
			})
			heap = max(heap, growth(func() {
				run += took(b, func() error {
					_, err := f.Migrate(b.Context(), "ada", fleet.Plan{First: number / 2, Parallel: workers, DespiteOlderBuilds: true}, nil)
					return err
				})
			}))
		}
	}
	all := float64(b.N * number)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(bare.Seconds()*1000/all, "bare-ms/tenant")
	b.ReportMetric(run.Seconds()*1000/all, "run-ms/tenant")
	b.ReportMetric(run.Seconds()/bare.Seconds(), "run/bare")
	b.ReportMetric(float64(heap)/(1<<20), "heap-MB")
}

// half returns a process of a newer build, that many tenants that it considers current, and as many that are behind.
func half(b *testing.B, engine tenantstest.Engine, number int, migration string) (next *tenantstest.Env, current []*tenants.Tenant) {
	b.Helper()
	today := tenantstest.New(b, tenantstest.Options{Engine: engine})
	next = today.Beside(b, tenantstest.Options{Schema: withMigration(b, migration)})
	current = createMany(b, today, "bare", number)
	createMany(b, today, "run", number)
	check(b, today.Store.Close(b.Context())) // no other process has to drain anything
	setCurrent(b, next, current)
	return next, current
}

// BenchmarkMigrateCurrent has 10,000 tenants that are all up to date.
func BenchmarkMigrateCurrent(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: engine})
			registerMany(b, env, 10_000, env.Engine.SchemaVersion())
			master := env.Store.Master()
			f := fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
			b.ReportAllocs()
			for b.Loop() {
				if run, err := f.Migrate(b.Context(), "ada", fleet.Plan{DespiteOlderBuilds: true}, nil); run != nil || err != nil {
					b.Fatal(run, err)
				}
			}
			check(b, master.Update(context.Background(), func(tx *gorm.DB) error { return tx.Delete(&tenants.Tenant{}, "1 = 1").Error }))
		})
	}
}

// immediate is an engine that migrates databases without looking at them.
type immediate struct{ tenants.Engine }

func (e immediate) Migrate(context.Context, *tenants.Tenant) (int64, error) {
	return e.SchemaVersion(), nil
}

// BenchmarkMigrateMemory has runs over 1,000 and over 10,000 tenants, whose databases cost nothing, and measures the live
// heap halfway.
func BenchmarkMigrateMemory(b *testing.B) {
	for _, number := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(number), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Engine: tenantstest.SQLite, Wrap: func(e tenants.Engine) tenants.Engine { return immediate{e} }})
			registerMany(b, env, number, 0)
			f := fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
			var heap int64
			for b.Loop() {
				before := liveHeap()
				_, err := f.Migrate(b.Context(), "ada", fleet.Plan{DespiteOlderBuilds: true}, func(p fleet.Progress) {
					if p.Done == number/2 {
						heap = liveHeap() - before
					}
				})
				check(b, err)
				check(b, env.Store.Master().Update(b.Context(), func(tx *gorm.DB) error {
					return tx.Model(&tenants.Tenant{}).Where("1 = 1").Update("schema_version", 0).Error
				}))
			}
			b.ReportMetric(float64(heap)/(1<<20), "heap-MB")
			check(b, env.Store.Master().Update(context.Background(), func(tx *gorm.DB) error { return tx.Delete(&tenants.Tenant{}, "1 = 1").Error }))
		})
	}
}

// registerMany puts tenants without databases into the master.
func registerMany(b *testing.B, env *tenantstest.Env, number int, version int64) {
	b.Helper()
	rows := make([]tenants.Tenant, number)
	for i := range rows {
		id := strings.ToLower(ulid.Make().String())
		rows[i] = tenants.Tenant{ID: id, Subdomain: fmt.Sprintf("t%05d", i), Name: "T", State: tenants.StateActive,
			Server: tenants.DefaultServer, Database: env.Engine.DatabaseName(id), SchemaVersion: version, Epoch: 1}
	}
	check(b, env.Store.Master().Update(b.Context(), func(tx *gorm.DB) error { return tx.CreateInBatches(rows, 200).Error }))
}

func createMany(b *testing.B, env *tenantstest.Env, prefix string, number int) []*tenants.Tenant {
	b.Helper()
	all := make([]*tenants.Tenant, number)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range all {
		group.Go(func() (err error) {
			all[i], err = env.Lifecycle.Create(b.Context(), lifecycle.NewTenant{Subdomain: fmt.Sprintf("%s-%d", prefix, i)})
			return err
		})
	}
	check(b, group.Wait())
	return all
}

// setCurrent makes the master think that tenants have the newer version already.
func setCurrent(b *testing.B, next *tenantstest.Env, all []*tenants.Tenant) {
	b.Helper()
	check(b, next.Store.Master().Update(b.Context(), func(tx *gorm.DB) error {
		for _, t := range all {
			if err := tx.Model(t).Update("schema_version", next.Engine.SchemaVersion()).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

func eachOf(all []*tenants.Tenant, workers int, do func(*tenants.Tenant)) error {
	var group errgroup.Group
	group.SetLimit(workers)
	for _, t := range all {
		group.Go(func() error { do(t); return nil })
	}
	return group.Wait()
}

// growth returns by how much the live heap is larger when do has ended, without the memory that finalizers free.
func growth(do func()) int64 {
	before := liveHeap()
	do()
	return liveHeap() - before
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func took(b *testing.B, do func() error) time.Duration {
	b.Helper()
	start := time.Now()
	check(b, do())
	return time.Since(start)
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}
