package backup_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"tenantry/tenants/backup"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/faultybucket"
	"tenantry/tenants/tenantstest/wait"
)

// TestFaultyStorage: whatever the storage does, what it hasn't taken is waiting, becomes older, and is said to be late; it is stored by
// itself once the storage works again. A stop doesn't wait for the storage, and the next process doesn't take for stored what
// isn't.
func TestFaultyStorage(t *testing.T) {
	t.Parallel()
	for _, fault := range faultybucket.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			storage := faultybucket.New(w.bucket)
			w.bucket = storage
			w.restart(t)
			must(t, w.Store(t.Context(), w.tenant))
			stored := w.restored(t, time.Time{})
			stop := w.run(t)
			fail := func() {
				t.Helper()
				storage.Set(fault)
				w.insert(t, 100_000)
				w.Committed(w.tenant)
				tries := 2
				if fault == faultybucket.Hangs {
					tries = 1
				}
				wait.Until(t, "it to be late", func() bool { puts, _ := storage.Puts(); return puts >= tries && w.Late() != nil })
				w.Committed(w.tenant) // doesn't wait for the storage
			}
			fail()
			if s := w.Status(); s.Waiting != 1 || s.Age < w.Late().Age-time.Minute || fault != faultybucket.Hangs && w.Late().Err == nil {
				t.Errorf("%+v, %+v", s, w.Late())
			}
			if got := w.restored(t, time.Time{}); got != stored && fault != faultybucket.LosesAnswer {
				t.Errorf("%q is stored, and nothing was", got)
			}
			storage.Set(faultybucket.None)
			wait.Until(t, "it to be stored", func() bool { return w.Status().Waiting == 0 && w.Late() == nil })
			if got, want := w.restored(t, time.Time{}), names(t, w.conns); got != want {
				t.Errorf("restored %q, want %q", got, want)
			}
			fail()
			stop()
			w.restart(t)
			storage.Set(faultybucket.None)
			must(t, w.Store(t.Context(), w.tenant))
			if got, want := w.restored(t, time.Time{}), names(t, w.conns); got != want {
				t.Errorf("after a restart %q, want %q", got, want)
			}
		})
	}
}

// TestFaultyStorageOfTheMaster: while tenants' backups are fine, that of the master is said to be late, until the storage works
// again.
func TestFaultyStorageOfTheMaster(t *testing.T) {
	t.Parallel()
	for _, fault := range faultybucket.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			storage := faultybucket.New(w.bucket)
			w.bucket = storage
			w.restart(t)
			path := filepath.Join(t.TempDir(), "master.db")
			master, err := sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: path})
			must(t, err)
			defer func() { must(t, master.Close()) }()
			storage.Set(fault)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { w.RunMaster(ctx, backup.Master{Path: path}); close(ended) }()
			wait.Until(t, "it to be late", func() bool {
				late := w.MasterBackup.Late()
				return late != nil && (late.Err != nil || fault == faultybucket.Hangs)
			})
			if w.Late() != nil {
				t.Errorf("tenants are late: %+v", w.Late())
			}
			storage.Set(faultybucket.None)
			wait.Until(t, "it to be stored", func() bool { return w.MasterBackup.Late() == nil })
			var s backup.Survey
			must(t, w.SurveyMaster(t.Context(), master, &s))
			if s.Master == nil || s.Late {
				t.Errorf("%+v", s)
			}
			stop()
			<-ended
		})
	}
}

// run runs the backups, and returns what stops them.
func (w *world) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	run := w.Run
	go func() { run(ctx); close(ended) }()
	return func() {
		t.Helper()
		cancel()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("it goes on after the stop")
		}
	}
}
