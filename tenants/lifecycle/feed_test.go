package lifecycle_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// heard waits for a change of the operation with that id, to that step.
func heard(t *testing.T, changes <-chan []tenants.Operation, id, step string) tenants.Operation {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case changed := <-changes:
			for _, o := range changed {
				if o.ID == id && o.Step == step {
					return o
				}
			}
		case <-deadline:
			t.Fatalf("nothing of operation %s at step %q", id, step)
		}
	}
}

// TestFeed tells all followers of each change of an operation that began an hour ago, and of one whose id is some seconds
// old when it is recorded. A follower that leaves gets nothing more; after the last one, the next begins anew.
func TestFeed(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		tenant, master := env.Tenant(t, "acme"), env.Store.Master()
		now := time.Now().UTC().Truncate(time.Microsecond)
		operation := func(at time.Time) *tenants.Operation {
			return &tenants.Operation{ID: idAt(at), TenantID: tenant.ID, Subdomain: "acme", Kind: tenants.KindMove, State: tenants.OperationRunning,
				Step: "one", Params: "{}", By: "ada", StartedAt: at, UpdatedAt: at}
		}
		store := func(o *tenants.Operation) {
			t.Helper()
			o.UpdatedAt = o.UpdatedAt.Add(time.Second)
			if err := master.Update(t.Context(), func(tx *gorm.DB) error { return tx.Save(o).Error }); err != nil {
				t.Fatal(err)
			}
		}
		finish := func(o *tenants.Operation) { o.Step, o.State, o.FinishedAt = "", tenants.OperationDone, &now }
		old, late := operation(now.Add(-time.Hour)), operation(now.Add(-10*time.Second))
		store(old)
		feed := env.Lifecycle.NewFeed(5 * time.Millisecond)
		for range 2 {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			one, err := feed.Follow(ctx)
			if err != nil {
				t.Fatal(err)
			}
			staying, leaveToo := context.WithCancel(t.Context())
			defer leaveToo()
			other, err := feed.Follow(staying)
			if err != nil {
				t.Fatal(err)
			}
			old.Step, old.State, old.FinishedAt = "two", tenants.OperationRunning, nil
			store(old)
			heard(t, one, old.ID, "two")
			finish(old)
			store(old)
			heard(t, one, old.ID, "")
			finish(late)
			late.ID = idAt(time.Now().Add(-10 * time.Second))
			store(late) // begun and finished at once
			heard(t, one, late.ID, "")
			leave()
			for range one { // what was heard already; it is closed then
			}
			heard(t, other, late.ID, "")
			leaveToo()
			for range other {
			}
		}
	})
}
