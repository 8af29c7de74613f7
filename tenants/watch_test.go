package tenants_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// TestChangesAreInForceAtOnce in another process, and there soon, on both engines:
// a rename, a suspension, and a domain that comes and goes. A tenant that isn't
// touched is served from memory all the while, where the master tells whose
// change it was.
func TestChangesAreInForceAtOnce(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		other := env.Beside(t, tenantstest.Options{})
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		host := func(do string) {
			t.Helper()
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				at := time.Now().UTC()
				domain := tenants.Domain{TenantID: acme.ID, Host: "work.example.com", Challenge: "x", VerifiedAt: &at, CreatedAt: at}
				if do == "add" {
					return tx.Create(&domain).Error
				}
				return tx.Delete(&domain).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		expect := func(name, id string, want error) { // sooner than what is in memory is looked up anew anyway
			t.Helper()
			wait.Within(t, 20*time.Second, fmt.Sprintf("%s to be tenant %q, %v", name, id, want), func() bool {
				got, err := other.Store.Lookup(t.Context(), name)
				return want == nil && err == nil && got.ID == id || want != nil && errors.Is(err, want)
			})
		}
		expect("acme", acme.ID, nil)
		expect("globex", globex.ID, nil)
		expect("work.example.com", "", tenants.ErrUnknownTenant)
		host("add")
		expect("work.example.com", acme.ID, nil)
		kept, began := lookup(t, other, "globex"), time.Now() // the other one listens by now
		host("remove")
		expect("work.example.com", "", tenants.ErrUnknownTenant)
		expect("later", "", tenants.ErrUnknownTenant)
		now := func(name string, want error) { // in the process that made the change
			t.Helper()
			if _, err := env.Store.Lookup(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := env.Lifecycle.Rename(t.Context(), "Ben", "acme", lifecycle.Rename{To: "later", RedirectDays: 1}); err != nil {
			t.Fatal(err)
		}
		now("later", nil)
		now("acme", tenants.ErrUnknownTenant)
		expect("later", acme.ID, nil)
		var moved *tenants.MovedError
		if _, err := other.Store.Lookup(t.Context(), "acme"); !errors.As(err, &moved) || moved.Subdomain != "later" {
			t.Errorf("acme: %v", err)
		}
		if _, err := env.Lifecycle.Suspend(t.Context(), "Ben", "later"); err != nil {
			t.Fatal(err)
		}
		now("later", tenants.ErrSuspended)
		expect("later", "", tenants.ErrSuspended)
		last := lookup(t, other, "globex")
		if env.Kind == tenantstest.Postgres && last != kept && time.Since(began) < 20*time.Second {
			t.Error("globex was looked up again, though other tenants changed alone")
		}
	})
}

// lookup is the tenant that a process serves.
func lookup(t *testing.T, env *tenantstest.Env, name string) *tenants.Tenant {
	t.Helper()
	got, err := env.Store.Lookup(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return got
}
