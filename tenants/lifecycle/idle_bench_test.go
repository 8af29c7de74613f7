package lifecycle_test

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// BenchmarkIdle measures what a store costs for ten seconds in which no tenant is active, and what it holds.
func BenchmarkIdle(b *testing.B) {
	for _, registered := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("tenants=%d", registered), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{})
			register(b, env.Store.Master(), registered)
			memory, goroutines, files := held()
			master := openMaster(b, env)
			store, err := tenants.New(b.Context(), tenants.Options{
				Master: master, Servers: map[string]tenants.Engine{tenants.DefaultServer: env.Engine}, MaxOpen: 100,
			})
			if err != nil {
				b.Fatal(err)
			}
			begin := spent()
			for b.Loop() {
				time.Sleep(10 * time.Second)
			}
			b.ReportMetric(float64((spent()-begin).Microseconds())/float64(10*b.N), "cpu-us/s")
			memoryNow, goroutinesNow, filesNow := held()
			b.ReportMetric(float64(int64(memoryNow)-int64(memory))/1024, "heap-KB")
			b.ReportMetric(float64(goroutinesNow-goroutines), "goroutines")
			b.ReportMetric(float64(filesNow-files), "files")
			if err := store.Close(b.Context()); err != nil {
				b.Error(err)
			}
			if err := master.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}

// held returns what the process holds.
func held() (heap uint64, goroutines, files int) {
	runtime.GC()
	runtime.GC() // finalizers have run
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/proc/self/fd") // none are counted elsewhere
	return m.HeapAlloc, runtime.NumGoroutine(), len(open)
}

// spent returns the time that the process has spent on processors.
func spent() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
