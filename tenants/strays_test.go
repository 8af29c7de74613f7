package tenants_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestStrayTransactions: a transaction that was kept reaches no tenant once its scope is over, also not in the scope of
// another tenant, and queries built on it don't either. No scope begins without a tenant.
func TestStrayTransactions(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		for name, scope := range map[string]func(f tenants.Func) error{
			"update": func(f tenants.Func) error { return env.Store.Update(t.Context(), acme, f) },
			"view":   func(f tenants.Func) error { return env.Store.View(t.Context(), acme, f) },
		} {
			var kept, query *gorm.DB
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			must(scope(func(tx *gorm.DB) error { kept, query = tx, tx.Model(&notes.Folder{}).Order("id"); return nil }))
			try := func(when string) {
				var names []string
				for what, err := range map[string]error{
					"a write": addFolder(kept, "stray"), "a statement": kept.Exec("SELECT 1").Error, "a query": query.Pluck("name", &names).Error,
					"a transaction": kept.Transaction(func(tx *gorm.DB) error { return addFolder(tx, "stray") }),
				} {
					if !errors.Is(err, tenants.ErrScopeOver) {
						t.Errorf("%s %s %s: %v", name, what, when, err)
					}
				}
			}
			try("after the scope")
			must(env.Store.Update(t.Context(), globex, func(tx *gorm.DB) error { try("in another tenant's scope"); return addFolder(tx, name) }))
		}
		if got := folders(t, env, acme); got != "" {
			t.Errorf("acme has %q", got)
		}
		nothing := func(*gorm.DB) error { return nil }
		for _, none := range []*tenants.Tenant{{}, {ID: "01jaaaaaaaaaaaaaaaaaaaaaaa", Subdomain: "acme", Server: tenants.DefaultServer, State: tenants.StateActive}} {
			if err := env.Store.Update(t.Context(), none, nothing); err == nil {
				t.Errorf("a scope began on %+v", none)
			}
		}
		err := env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
			if _, err := env.Lifecycle.Create(tx.Statement.Context, lifecycle.NewTenant{Subdomain: "initech"}); err != nil {
				t.Errorf("a tenant made in another's scope: %v", err)
			}
			return addFolder(tx, "after")
		})
		if got := folders(t, env, acme); err != nil || got != "after" {
			t.Errorf("acme has %q, %v", got, err)
		}
	})
}
