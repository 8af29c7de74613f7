package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// TestMaintenanceWaitsForEveryProcess has a scope run in another process when the tenant is closed. Operators reach the
// closed tenant.
func TestMaintenanceWaitsForEveryProcess(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		other := second(t, env, tenants.Options{})
		release, done := occupy(t, other, tenant)
		release = sync.OnceFunc(release)
		t.Cleanup(release) // before the store is closed, also if the test fails
		closed := make(chan error, 1)
		go func() {
			_, err := env.Lifecycle.SetMaintenance(t.Context(), "ada", "acme", lifecycle.Maintenance{On: true})
			closed <- err
		}()
		nothing := func(*gorm.DB) error { return nil }
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, "acme"), tenants.ErrPlannedMaintenance) })
		wait.Until(t, "the other process to refuse scopes", func() bool { return errors.Is(other.View(t.Context(), tenant, nothing), tenants.ErrPlannedMaintenance) })
		select {
		case err := <-closed:
			t.Errorf("did not wait: %v", err)
			closed <- err
		default:
		}
		release()
		if err := <-done; err != nil {
			t.Errorf("the running scope: %v", err)
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if err := other.Update(t.Context(), tenant, nothing); !errors.Is(err, tenants.ErrPlannedMaintenance) {
			t.Errorf("Update: %v", err)
		}
		if err := other.Maintain(t.Context(), tenant, nothing); err != nil {
			t.Errorf("Maintain: %v", err)
		}
	})
}

// TestMaintenanceAndStates: a closed tenant changes its state as others do, and stays closed.
func TestMaintenanceAndStates(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		m := env.Lifecycle
		set := func(on bool) error {
			_, err := m.SetMaintenance(t.Context(), "ada", "acme", lifecycle.Maintenance{On: on})
			return err
		}
		expect := func(want error) {
			t.Helper()
			if err := lookup(t, env, "acme"); !errors.Is(err, want) {
				t.Errorf("look-up: %v, want %v", err, want)
			}
		}
		do := func(change func(context.Context, lifecycle.Operator, string) (*tenants.Tenant, error)) {
			t.Helper()
			if _, err := change(t.Context(), "ada", "acme"); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(set(true), set(true)); err != nil {
			t.Fatal(err)
		}
		do(m.Suspend)
		expect(tenants.ErrSuspended)
		do(m.Resume)
		expect(tenants.ErrPlannedMaintenance)
		do(m.Archive)
		expect(tenants.ErrUnknownTenant)
		if err := set(false); err != nil {
			t.Fatal(err)
		}
		do(m.Restore)
		expect(nil)
		page, _, err := m.Operations(t.Context(), lifecycle.OperationFilter{Kind: tenants.KindMaintenance}, "", 10)
		if err != nil || len(page) != 2 || !strings.Contains(page[0].Params, `"off"`) || !strings.Contains(page[1].Params, `"on"`) {
			t.Errorf("the ledger has %+v, %v", page, err)
		}
		do(m.Archive)
		if _, err := m.Purge(t.Context(), "ada", "acme", time.Hour); err != nil {
			t.Fatal(err)
		}
		var state *lifecycle.StateError
		if err := set(true); !errors.As(err, &state) {
			t.Errorf("of a purged tenant: %v", err)
		}
	})
}

// TestMaintainAll closes all tenants but one on which an operation is under way, and says so.
func TestMaintainAll(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		for i := range 12 {
			env.Tenant(t, fmt.Sprintf("acme-%02d", i))
		}
		archived := env.Tenant(t, "umbrella")
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", archived.ID); err != nil {
			t.Fatal(err)
		}
		release, done := occupy(t, second(t, env, tenants.Options{}), env.Tenant(t, "busy"))
		suspended := make(chan error, 1)
		go func() {
			_, err := env.Lifecycle.Suspend(t.Context(), "ada", "busy")
			suspended <- err
		}()
		awaitNews(t, func() bool { return errors.Is(lookup(t, env, "busy"), tenants.ErrSuspended) })
		changed, failed := 0, []string{}
		err := env.Lifecycle.MaintainAll(t.Context(), "ada", lifecycle.Maintenance{On: true}, func(t *tenants.Tenant, err error) {
			changed++
			if errors.Is(err, lifecycle.ErrUnderWay) {
				failed = append(failed, t.Subdomain)
			}
		})
		if err != nil || changed != 13 || len(failed) != 1 || failed[0] != "busy" {
			t.Errorf("%d changed, %v failed, %v", changed, failed, err)
		}
		release()
		if err := errors.Join(<-done, <-suspended); err != nil {
			t.Error(err)
		}
		page, _, err := env.Lifecycle.List(t.Context(), "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			if want := strings.HasPrefix(page[i].Subdomain, "acme"); page[i].Maintenance.IsOn() != want {
				t.Errorf("%s closed: %t", page[i].Subdomain, !want)
			}
		}
	})
}
