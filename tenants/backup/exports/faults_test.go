package exports_test

import (
	"context"
	"testing"
	"time"

	"tenantry/tenants/tenantstest/faultybucket"
	"tenantry/tenants/tenantstest/wait"
)

// TestFaultyStorage is the same as that of package backup, on Postgres.
func TestFaultyStorage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	storage := faultybucket.New(w.bucket.Bucket)
	w.bucket.Bucket = storage
	w.Exports = w.process()
	must(t, w.Store(t.Context(), w.tenant))
	want := 0
	for _, fault := range faultybucket.Faults() {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		run := w.Run
		go func() { run(ctx); close(ended) }()
		before := w.points(t)
		fail := func() {
			t.Helper()
			storage.Set(fault)
			want++
			w.insert(t, string(fault)+time.Now().String())
			w.Committed(w.tenant)
			tries := 2
			if fault == faultybucket.Hangs {
				tries = 1
			}
			wait.Until(t, "it to be late", func() bool { puts, _ := storage.Puts(); return puts >= tries && w.Late() != nil })
		}
		fail()
		if s := w.Status(); s.Waiting != 1 || fault != faultybucket.Hangs && w.Late().Err == nil {
			t.Errorf("%s: %+v, %+v", fault, s, w.Late())
		}
		if got := w.points(t); got != before && fault != faultybucket.LosesAnswer {
			t.Errorf("%s: %d backups, and there were %d", fault, got, before)
		}
		storage.Set(faultybucket.None)
		wait.Until(t, "it to be stored", func() bool { return w.Status().Waiting == 0 && w.Late() == nil })
		if got := w.folders(t, time.Time{}); got != want {
			t.Errorf("%s: %d folders of %d are backed up", fault, got, want)
		}
		fail()
		stop()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it goes on after the stop", fault)
		}
		w.Exports = w.process()
		storage.Set(faultybucket.None)
		must(t, w.Store(t.Context(), w.tenant))
		if got := w.folders(t, time.Time{}); got != want {
			t.Errorf("%s: %d folders of %d are backed up after a restart", fault, got, want)
		}
		w.expectClean(t)
	}
}
