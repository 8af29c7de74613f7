package lifecycle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// twoTenants makes acme and acme-before, each with a folder by its name.
func twoTenants(t *testing.T, env *tenantstest.Env) (acme, before *tenants.Tenant) {
	t.Helper()
	acme, before = env.Tenant(t, "acme"), env.Tenant(t, "acme-before")
	addFolder(t, env, acme, "acme")
	addFolder(t, env, before, "acme-before")
	return acme, before
}

// expectAt expects the tenant with the id at the subdomain, served.
func expectAt(t *testing.T, env *tenantstest.Env, subdomain, id string) *tenants.Tenant {
	t.Helper()
	got, err := env.Lifecycle.Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.State != tenants.StateActive {
		t.Errorf("at %s is %+v", subdomain, got)
	}
	served, err := env.Store.Lookup(t.Context(), subdomain)
	if err != nil || served.ID != id {
		t.Errorf("%s is served from %+v, %v", subdomain, served, err)
	}
	return got
}

// TestSwap exchanges two tenants and takes it back. What belongs to a subdomain stays there, and the rest goes.
func TestSwap(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, before := twoTenants(t, env)
		m := env.Lifecycle
		_, err := m.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{tenants.LimitRequests: 7})
		for _, name := range []string{"acme", "acme-before"} { // both ask for one host, and one has it
			_, added := m.AddDomain(t.Context(), "ada", name, "work.example", false)
			err = errors.Join(err, added)
		}
		_, renamed := m.Rename(t.Context(), "ada", "acme", lifecycle.Rename{To: "apex", RedirectDays: 5})
		_, named := m.SetName(t.Context(), "ada", "apex", "Apex & Sons")
		if err := errors.Join(err, renamed, named, verify(t, env, acme.ID)); err != nil {
			t.Fatal(err)
		}
		for i, at := range []*tenants.Tenant{before, acme, before} {
			got, err := m.Swap(t.Context(), "ada", "apex", "acme-before")
			if err != nil {
				t.Fatal(err)
			}
			if got.ID != at.ID || got.Name != "Apex & Sons" || got.Limits.Requests != 7 || got.Database != at.Database {
				t.Errorf("swap %d: %+v", i, got)
			}
			expectAt(t, env, "apex", at.ID)
			other := acme
			if at == acme {
				other = before
			}
			there := expectAt(t, env, "acme-before", other.ID)
			if there.Name == "Apex & Sons" || there.Limits.Requests != 0 || len(there.Domains) != 1 || there.Domains[0].VerifiedAt != nil {
				t.Errorf("swap %d: the other is %+v", i, there)
			}
			if byHost, err := env.Store.Lookup(t.Context(), "work.example"); err != nil || byHost.ID != at.ID || byHost.Address() != "work.example" {
				t.Errorf("swap %d: work.example is %+v, %v", i, byHost, err)
			}
			var moved *tenants.MovedError
			if err := lookup(t, env, "acme"); !errors.As(err, &moved) || moved.Subdomain != "apex" {
				t.Errorf("swap %d: acme leads to %v", i, err)
			}
			if names := folderNames(t, env, got); !slices.Equal(names, []string{folderOf(at, acme)}) {
				t.Errorf("swap %d: the folders are %q", i, names)
			}
		}
		if got := kinds(operations(t, env, acme.ID)); got != "create limit domain-add rename set-name swap swap-other swap" {
			t.Errorf("the ledger says %s", got)
		}
		expectHealthy(t, env)
	})
}

func folderOf(at, acme *tenants.Tenant) string {
	if at == acme {
		return "acme"
	}
	return "acme-before"
}

// verify has the tenant's domain verified, and links lead there.
func verify(t *testing.T, env *tenantstest.Env, id string) error {
	t.Helper()
	return env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Domain{}).Where("tenant_id = ?", id).Updates(map[string]any{"verified_at": time.Now().UTC(), "main": true}).Error
	})
}

// TestSwapRefused: what can't be exchanged stays as it is.
func TestSwapRefused(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, before := twoTenants(t, env)
		m := env.Lifecycle
		for name, change := range map[string]func(name string) error{
			"suspended": func(name string) error { _, err := m.Suspend(t.Context(), "ada", name); return err },
			"archived":  func(name string) error { _, err := m.Archive(t.Context(), "ada", name); return err },
			"old": func(name string) error {
				return env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
					return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", name).Update("schema_version", 0).Error
				})
			},
		} {
			env.Tenant(t, name)
			if err := change(name); err != nil {
				t.Fatal(err)
			}
			for _, pair := range [][2]string{{"acme", name}, {name, "acme"}} {
				if _, err := m.Swap(t.Context(), "ada", pair[0], pair[1]); !errors.Is(err, lifecycle.ErrNotSwappable) {
					t.Errorf("swap %q: %v", pair, err)
				}
			}
		}
		env.Tenant(t, "given-up")
		if _, err := m.Rename(t.Context(), "ada", "given-up", lifecycle.Rename{To: "kept"}); err != nil {
			t.Fatal(err)
		}
		for other, want := range map[string]error{
			"acme": lifecycle.ErrNotSwappable, "nobody": tenants.ErrUnknownTenant, "given-up": lifecycle.ErrReserved,
		} {
			if _, err := m.Swap(t.Context(), "ada", "acme", other); !errors.Is(err, want) {
				t.Errorf("swap with %s: %v", other, err)
			}
		}
		abandon(t, env, "acme-before", map[string]any{"finished_at": nil, "state": tenants.OperationRunning, "step": "load", "kind": tenants.KindMove})
		for _, pair := range [][2]string{{"acme", "acme-before"}, {"acme-before", "acme"}} {
			if _, err := m.Swap(t.Context(), "ada", pair[0], pair[1]); !errors.Is(err, lifecycle.ErrUnderWay) {
				t.Errorf("swap %q while one moves: %v", pair, err)
			}
		}
		expectAt(t, env, "acme", acme.ID)
		expectAt(t, env, "acme-before", before.ID)
	})
}

// TestSwapIsForTheDatabaseThatWasLookedUp: a scope on a tenant that was looked up at a subdomain before a swap reads and
// writes nothing afterwards, because the tenant is another one's by then.
func TestSwapIsForTheDatabaseThatWasLookedUp(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, before := twoTenants(t, env)
		if _, err := env.Lifecycle.Swap(t.Context(), "ada", "acme", "acme-before"); err != nil {
			t.Fatal(err)
		}
		for _, old := range []*tenants.Tenant{acme, before} {
			for name, scope := range map[string]func() error{
				"View":   func() error { return env.Store.View(t.Context(), old, func(*gorm.DB) error { return nil }) },
				"Update": func() error { return env.Store.Update(t.Context(), old, func(*gorm.DB) error { return nil }) },
			} {
				if err := scope(); !errors.Is(err, tenants.ErrMaintenance) {
					t.Errorf("%s of what was %s: %v", name, old.Subdomain, err)
				}
			}
		}
	})
}

// TestSwapWaitsForBoth: a swap waits for scopes on either tenant, in this process and in another.
func TestSwapWaitsForBoth(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, before := twoTenants(t, env)
		other := second(t, env, tenants.Options{})
		for _, store := range []*tenants.Store{env.Store, other} {
			for _, subdomain := range []string{"acme", "acme-before"} {
				tenant, err := env.Lifecycle.Get(t.Context(), subdomain)
				if err != nil {
					t.Fatal(err)
				}
				release, done := look(t, store, tenant)
				swapped := make(chan error, 1)
				go func() {
					_, err := env.Lifecycle.Swap(t.Context(), "ada", "acme", "acme-before")
					swapped <- err
				}()
				wait.Until(t, "both operations to be under way", func() bool { return len(unfinished(t, env)) == 2 })
				wait.Until(t, "this process to drain the tenant", func() bool {
					return errors.Is(env.Store.Update(t.Context(), tenant, func(*gorm.DB) error { return nil }), tenants.ErrMaintenance)
				})
				select {
				case err := <-swapped:
					t.Errorf("it did not wait for %s: %v", subdomain, err)
				default:
				}
				release()
				if err := errors.Join(<-done, <-swapped); err != nil {
					t.Fatal(err)
				}
			}
		}
		expectAt(t, env, "acme", acme.ID) // after four swaps
		expectAt(t, env, "acme-before", before.ID)
	})
}

// TestSwapInterrupted has a process die at every point of a swap. Both tenants are then where they were, or both exchanged.
func TestSwapInterrupted(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		var at func(point string)
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Interrupt: func(point string) { at(point) }})
		at = func(string) {}
		acme, before := twoTenants(t, env)
		at0, at1 := acme.ID, before.ID
		for _, point := range []string{"swap/begin/before", "swap/begin/after", "swap/drain/before", "swap/drain/done", "swap/drain/after"} {
			at = func(p string) {
				if p == point {
					panic("the process died")
				}
			}
			func() {
				defer func() { _ = recover() }() // the panic above
				_, _ = env.Lifecycle.Swap(t.Context(), "ada", "acme", "acme-before")
				t.Errorf("it doesn't pass %s", point)
			}()
			for _, held := range env.Store.Process().Held() {
				env.Store.Process().Release(held)
			}
			at = func(string) {}
			if err := env.Lifecycle.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if point != "swap/begin/before" {
				at0, at1 = at1, at0
			}
			expectAt(t, env, "acme", at0)
			expectAt(t, env, "acme-before", at1)
			if left := unfinished(t, env); len(left) != 0 {
				t.Errorf("killed at %s: %+v are left", point, left)
			}
		}
		expectHealthy(t, env)
	})
}

// TestSwapCancelled cancels a swap whose process died by the name of either tenant: both are as before.
func TestSwapCancelled(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Interrupt: func(point string) {
			if point == "swap/drain/before" {
				panic("the process died")
			}
		}})
		acme, before := twoTenants(t, env)
		for _, by := range []string{"acme", "acme-before"} {
			func() {
				defer func() { _ = recover() }() // the panic above
				_, _ = env.Lifecycle.Swap(t.Context(), "ada", "acme", "acme-before")
			}()
			for _, held := range env.Store.Process().Held() {
				env.Store.Process().Release(held)
			}
			var underWay *lifecycle.UnderWayError
			if _, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme-before"); !errors.As(err, &underWay) {
				t.Errorf("suspend the other: %v", err)
			}
			if _, err := env.Lifecycle.Cancel(t.Context(), "ada", by); err != nil {
				t.Fatal(err)
			}
			usable(t, env, "acme")
			expectAt(t, env, "acme", acme.ID)
			expectAt(t, env, "acme-before", before.ID)
			if left := unfinished(t, env); len(left) != 0 {
				t.Errorf("cancelled by %s: %+v are left", by, left)
			}
		}
		var folders int64
		err := env.Store.View(t.Context(), before, func(tx *gorm.DB) error { return tx.Model(&notes.Folder{}).Count(&folders).Error })
		if err != nil || folders != 1 {
			t.Errorf("%d folders, %v", folders, err)
		}
	})
}
