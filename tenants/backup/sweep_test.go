package backup_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/bucket"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// TestSweep: of tenants that others have written, and only of these, a sweep marks each as often as it is written, with all
// that is known of it; and again one whose backup is forgotten.
func TestSweep(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	engine, ok := env.Engine.(*sqlite.Engine)
	if !ok {
		t.Fatalf("the engine is a %T", env.Engine)
	}
	var all []*tenants.Tenant
	for i := range 3 {
		all = append(all, env.Tenant(t, fmt.Sprint("t", i)))
	}
	folder, err := bucket.OpenFolder(t.TempDir())
	must(t, err)
	b, err := backup.New(backup.Options{Bucket: folder, Dir: filepath.Join(t.TempDir(), "b"), Snapshot: engine.Snapshot, Interval: time.Hour})
	must(t, err)
	sweep := func(want int) {
		t.Helper()
		must(t, backup.Sweep1(b, t.Context(), env.Store.Master(), engine.Written))
		if got := b.Status().Waiting; got != want {
			t.Errorf("%d tenants are marked, want %d", got, want)
		}
	}
	flush := func() { // a file that was written just before its backup is looked at again
		t.Helper()
		wait.Until(t, "all to be stored", func() bool {
			must(t, b.Flush(t.Context()))
			must(t, backup.Sweep1(b, t.Context(), env.Store.Master(), engine.Written))
			return b.Status().Waiting == 0
		})
	}
	sweep(3)
	flush()
	for i := range 3 {
		must(t, env.Store.Update(t.Context(), all[1], func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: fmt.Sprint(i)}).Error }))
		sweep(1)
		flush()
		points, _, err := b.Points(t.Context(), all[1].ID, 10)
		if err != nil || len(points) != i+2 {
			t.Errorf("%d backups, %v", len(points), err)
		}
	}
	must(t, b.Forget(t.Context(), all[2].ID))
	sweep(1)
}
