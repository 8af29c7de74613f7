package lifecycle_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		made := env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		for range 2 { // a second time changes nothing
			got, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme")
			if err != nil || got.State != tenants.StateSuspended || got.Epoch != made.Epoch+1 {
				t.Fatalf("Suspend: %+v, %v", got, err)
			}
		}
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, "acme"), tenants.ErrSuspended) })
		if err := lookup(t, env, "globex"); err != nil {
			t.Errorf("globex: %v", err)
		}
		for range 2 {
			got, err := env.Lifecycle.Resume(t.Context(), "ada", "acme")
			if err != nil || got.State != tenants.StateActive || got.Epoch != made.Epoch+2 {
				t.Fatalf("Resume: %+v, %v", got, err)
			}
		}
		awaitNews(t, func() bool { return lookup(t, env, "acme") == nil })
	})
}

// TestSuspendAndResumeAtOnce has two operators do opposite things: the state is
// one of the two, and the epoch counts every change.
func TestSuspendAndResumeAtOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				do := env.Lifecycle.Suspend
				if i%2 == 0 {
					do = env.Lifecycle.Resume
				}
				if _, err := do(t.Context(), "ada", "acme"); err != nil && !errors.Is(err, lifecycle.ErrUnderWay) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got, err := env.Lifecycle.Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		suspended := got.State == tenants.StateSuspended
		if !suspended && got.State != tenants.StateActive || suspended != (got.Epoch%2 == 0) {
			t.Errorf("%s at epoch %d", got.State, got.Epoch)
		}
	})
}

func TestSuspendNeedsATenantThatIsServed(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "nobody"); !errors.Is(err, tenants.ErrUnknownTenant) {
			t.Errorf("nobody: %v", err)
		}
		for _, state := range []tenants.State{tenants.StateProvisioning, tenants.StateArchived, tenants.StatePurged, tenants.StateMaintenance} {
			tenant := env.Tenant(t, "is-"+string(state))
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Model(tenant).Update("state", state).Error })
			if err != nil {
				t.Fatal(err)
			}
			for _, do := range []func() error{
				func() error { _, err := env.Lifecycle.Suspend(t.Context(), "ada", tenant.Subdomain); return err },
				func() error { _, err := env.Lifecycle.Resume(t.Context(), "ada", tenant.Subdomain); return err },
			} {
				var refused *lifecycle.StateError
				if err := do(); !errors.As(err, &refused) || refused.State != state {
					t.Errorf("%s: %v", state, err)
				}
			}
			got, err := env.Lifecycle.Get(t.Context(), tenant.Subdomain)
			if err != nil || got.State != state || got.Epoch != tenant.Epoch {
				t.Errorf("%s became %+v, %v", state, got, err)
			}
		}
	})
}

func lookup(t *testing.T, env *tenantstest.Env, subdomain string) error {
	t.Helper()
	_, err := env.Store.Lookup(t.Context(), subdomain)
	return err
}

// awaitNews waits until the news of a change has come: a second is promised, and
// a slow machine gets more, though less than the registry's own half minute.
func awaitNews(t *testing.T, isKnown func() bool) {
	t.Helper()
	wait.Within(t, 20*time.Second, "the news of a change", isKnown)
}
