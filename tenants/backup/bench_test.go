package backup_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// spent returns the time that the process has spent on processors.
func spent() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// fleet returns a store with n tenants, and their backups.
func fleet(b *testing.B, n int, interval time.Duration) (env *tenantstest.Env, all []*tenants.Tenant, backups *backup.Backups, written backup.Written) {
	b.Helper()
	env = tenantstest.New(b, tenantstest.Options{MaxOpen: 200})
	for i := range n {
		all = append(all, env.Tenant(b, fmt.Sprint("t", i)))
	}
	engine, ok := env.Engine.(*sqlite.Engine)
	if !ok {
		b.Fatalf("the engine is a %T", env.Engine)
	}
	folder, err := bucket.OpenFolder(b.TempDir())
	must(b, err)
	backups, err = backup.New(backup.Options{Bucket: folder, Dir: b.TempDir(), Snapshot: engine.Snapshot, Interval: interval})
	must(b, err)
	must(b, backups.StoreAll(b.Context(), all))
	return env, all, backups, engine.Written
}

func write(b *testing.B, env *tenantstest.Env, t *tenants.Tenant, name string) {
	b.Helper()
	must(b, env.Store.Update(b.Context(), t, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: name}).Error }))
}

// BenchmarkRegistered measures what backups cost in a minute in which 100 tenants write every ten seconds: alone, and among
// 10,000.
func BenchmarkRegistered(b *testing.B) {
	var alone time.Duration
	for _, registered := range []int{100, 10_000} {
		b.Run(fmt.Sprint("tenants=", registered), func(b *testing.B) {
			env, all, backups, written := fleet(b, registered, 10*time.Second)
			var cost time.Duration
			var sweeps turns
			n := 0
			for b.Loop() {
				for range 6 {
					n++
					for _, t := range all[:100] {
						write(b, env, t, fmt.Sprint("folder ", n))
					}
					begun := spent()
					must(b, backups.StoreAll(b.Context(), all[:100]))
					cost += spent() - begun
				}
				begun := spent()
				sweeps.add(func() { must(b, backup.Sweep1(backups, b.Context(), env.Store.Master(), written)) })
				cost += spent() - begun
			}
			cost /= time.Duration(b.N)
			if alone == 0 {
				alone = cost
			}
			b.ReportMetric(cost.Seconds()*1000, "cpu-ms/minute")
			b.ReportMetric(float64(cost)/float64(alone), "/alone")
			b.ReportMetric(median(sweeps.cpu)*1000, "cpu-ms/sweep") // which is all that others cost
		})
	}
}

// BenchmarkWrite measures the processor time of a write while backups run, and while they don't, in turns of ten seconds.
func BenchmarkWrite(b *testing.B) {
	env, all, backups, _ := fleet(b, 20, 10*time.Second)
	var cost [2]time.Duration
	var writes [2]int
	n := 0
	for b.Loop() {
		for on := range cost {
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); backups.Run(ctx) }()
			begun, until := spent(), time.Now().Add(10*time.Second)
			for ; time.Now().Before(until); n++ {
				t := all[n%len(all)]
				write(b, env, t, fmt.Sprint("folder ", n))
				writes[on]++
				if on == 1 {
					backups.Committed(t)
				}
			}
			stop()
			<-ended
			must(b, backups.Flush(b.Context())) // what wasn't due yet is a part of the cost
			cost[on] += spent() - begun
		}
	}
	without, with := cost[0].Seconds()/float64(writes[0]), cost[1].Seconds()/float64(writes[1])
	b.ReportMetric(without*1e6, "cpu-us/write")
	b.ReportMetric(with*1e6, "cpu-us/backed-up-write")
	b.ReportMetric(with/without, "/unbacked")
}

// BenchmarkRestore compares the restore of a tenant of 100 MB to a point in time with a copy of the file, in turns. Both sync
// what they have written. The large part of the tenant is in a snapshot, or in changes that were merged.
func BenchmarkRestore(b *testing.B) {
	for _, first := range []string{"snapshot", "changes"} {
		b.Run(first, func(b *testing.B) {
			env, all, backups, _ := fleet(b, 1, time.Second)
			for i := range 100 {
				must(b, env.Store.Update(b.Context(), all[0], func(tx *gorm.DB) error {
					return tx.Exec("INSERT INTO folders (name, remark, created_at, updated_at) VALUES (?, hex(randomblob(500000)), '2026-01-01', '2026-01-01')", fmt.Sprint("large ", i)).Error
				}))
			}
			if first == "snapshot" {
				must(b, backups.Forget(b.Context(), all[0].ID))
			}
			var at time.Time
			for i := range 45 {
				write(b, env, all[0], fmt.Sprint("folder ", i))
				must(b, backups.Store(b.Context(), all[0]))
				if i == 40 {
					at = time.Now()
				}
			}
			restored, copied := filepath.Join(b.TempDir(), "restored"), filepath.Join(b.TempDir(), "copied")
			var restores, copies turns
			for b.Loop() {
				restores.add(func() {
					_, err := backups.Restore(b.Context(), all[0].ID, at, restored)
					must(b, err)
				})
				copies.add(func() { copyFile(b, restored, copied) })
				must(b, os.Remove(restored))
				must(b, os.Remove(copied))
			}
			b.ReportMetric(median(restores.wall)*1000, "ms/restore")
			b.ReportMetric(median(copies.wall)*1000, "ms/copy")
			b.ReportMetric(median(restores.wall)/median(copies.wall), "restore/copy")
			b.ReportMetric(median(restores.cpu)*1000, "cpu-ms/restore")
			b.ReportMetric(median(restores.cpu)/median(copies.cpu), "cpu/copy")
			b.ReportMetric(float64(restores.allocated)/float64(b.N)/1e6, "MB-allocated/restore")
		})
	}
}

// turns is what the runs of something have taken: in seconds, by the clock and of the processors, and bytes of memory in all.
type turns struct {
	wall, cpu []float64
	allocated uint64
}

func (t *turns) add(f func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun, used := time.Now(), spent()
	f()
	t.wall, t.cpu = append(t.wall, time.Since(begun).Seconds()), append(t.cpu, (spent()-used).Seconds())
	runtime.ReadMemStats(&after)
	t.allocated += after.TotalAlloc - before.TotalAlloc
}

func median(values []float64) float64 { return slices.Sorted(slices.Values(values))[len(values)/2] }

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	source, err := os.Open(from)
	must(b, err)
	defer source.Close()
	target, err := os.Create(to)
	must(b, err)
	_, err = io.Copy(struct{ io.Writer }{target}, struct{ io.Reader }{source}) // not in the kernel
	must(b, err)
	must(b, target.Sync())
	must(b, target.Close())
}
