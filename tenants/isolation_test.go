package tenants_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestEvictionsLeaveNothing opens and evicts a thousand handles.
func TestEvictionsLeaveNothing(t *testing.T) {
	const evictions, warmUp = 1000, 20
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 1})
			pair := []*tenants.Tenant{env.Tenant(t, "acme"), env.Tenant(t, "globex")}
			use := func(i int) {
				err := env.Store.Update(t.Context(), pair[i%2], func(tx *gorm.DB) error {
					return tx.Exec("UPDATE folders SET name = name").Error
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for i := range warmUp {
				use(i)
			}
			goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
			for i := range evictions {
				use(i)
			}
			settle(t, "goroutines", goroutines, runtime.NumGoroutine)
			settle(t, "descriptors", descriptors, func() int { return openDescriptors(t) })
		})
	}
}

// settle waits until a count is back at its beginning: what was closed last may
// still be on its way.
func settle(t *testing.T, what string, begin int, count func() int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for count() > begin {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d at the beginning, %d at the end", what, begin, count())
		}
		runtime.Gosched()
	}
}

// openDescriptors is how many descriptors this process has open.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors can be counted only where /proc is: %v", err)
	}
	count := 0
	for _, entry := range entries {
		// A busy master opens another connection, and keeps it while it is used.
		file, _ := os.Readlink("/proc/self/fd/" + entry.Name())
		if !strings.HasPrefix(filepath.Base(file), "master.db") {
			count++
		}
	}
	return count
}
