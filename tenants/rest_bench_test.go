package tenants_test

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// BenchmarkHandleMemory opens and writes to a thousand tenants on SQLite, and reports the resident memory of a
// handle, and what remains of all of them when they have closed.
func BenchmarkHandleMemory(b *testing.B) {
	const count = 1000
	for b.Loop() {
		env := tenantstest.New(b, tenantstest.Options{Engine: tenantstest.SQLite, MaxOpen: 2 * count, Rest: 3 * time.Second})
		all := make([]*tenants.Tenant, count)
		for i := range all {
			all[i] = env.Tenant(b, fmt.Sprint("t", i))
		}
		for env.Store.Load().Open > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		before := resident(b)
		for _, t := range all {
			if err := env.Store.Update(b.Context(), t, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
				b.Fatal(err)
			}
		}
		open, used := env.Store.Load().Open, resident(b)-before
		for env.Store.Load().Open > 0 {
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(11 * time.Second) // the engine gives it back together
		b.ReportMetric(float64(used)/float64(open)/1024, "KB/handle")
		b.ReportMetric(float64(resident(b)-before)/(1<<20), "MB-remaining")
	}
}

// resident returns the process's resident memory, in bytes.
func resident(b *testing.B) int {
	b.Helper()
	debug.FreeOSMemory() // garbage is no handle's
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip("without /proc the resident memory isn't known")
	}
	var total, pages int
	if _, err := fmt.Fscan(strings.NewReader(string(statm)), &total, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}
