package tenants_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestScopesAreCountedByOutcome, with how long they took to begin.
func TestScopesAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{MaxOpen: 1}, func(t *testing.T, env *tenantstest.Env) {
		one, two := env.Tenant(t, "one"), env.Tenant(t, "two")
		nothing := func(*gorm.DB) error { return nil }
		never, cancel := context.WithCancel(t.Context())
		cancel()
		_ = env.Store.Update(t.Context(), one, nothing)
		_ = env.Store.View(t.Context(), one, nothing)
		_ = env.Store.View(t.Context(), one, func(*gorm.DB) error { return errors.New("no") })
		_ = env.Store.Update(t.Context(), one, func(tx *gorm.DB) error { _ = tx.Exec("SELECT nonsense").Error; return nil })
		_ = env.Store.Update(never, one, nothing)
		func() {
			defer func() { _ = recover() }()
			_ = env.Store.Update(t.Context(), one, func(*gorm.DB) error { panic("no") })
		}()
		_ = env.Store.View(t.Context(), one, func(tx *gorm.DB) error {
			short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			waited := make(chan error)
			go func() { waited <- env.Store.View(short, two, nothing) }()
			if err := <-waited; !errors.Is(err, tenants.ErrBusy) {
				t.Errorf("%v", err)
			}
			return nil
		})
		if _, err := env.Lifecycle.Suspend(t.Context(), "Ben", "two"); err != nil {
			t.Fatal(err)
		}
		_ = env.Store.View(t.Context(), two, nothing)
		got := env.Store.Scopes()
		for outcome, want := range map[tenants.Outcome]uint64{
			tenants.Committed: 1, tenants.Read: 2, tenants.RolledBack: 2, tenants.Panicked: 1, tenants.Busy: 1,
			tenants.Cancelled: 1, tenants.Refused: 1, tenants.Unknown: 0, tenants.Unavailable: 0, tenants.Full: 0,
		} {
			if got[outcome] != want {
				t.Errorf("%v: %d, want %d", outcome, got[outcome], want)
			}
		}
		waits := env.Store.Waits()
		if _, handles := env.Store.HandleTimes(); waits.Count != 6 || handles.Count == 0 { // the last may wait for the handle to close
			t.Errorf("%d began, %d waited for a handle", waits.Count, handles.Count)
		}
	})
}
