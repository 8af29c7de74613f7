package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// ways are those to a tenant's database.
func ways(store *tenants.Store) map[string]func(context.Context, *tenants.Tenant, tenants.Func) error {
	return map[string]func(context.Context, *tenants.Tenant, tenants.Func) error{
		"view": store.View, "update": store.Update, "maintain": store.Maintain,
	}
}

// reach tries the way, and reads the tables.
func reach(t *testing.T, way func(context.Context, *tenants.Tenant, tenants.Func) error, tenant *tenants.Tenant) error {
	t.Helper()
	return way(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
}

// TestALeaseLooksAtTheState comes with a row that was read while the tenant was
// served, at every state that it can be in since, in a process that has not heard
// of the change and in one that has.
func TestALeaseLooksAtTheState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		change         string // the row is gone without one
		want, maintain error
	}{
		{"state = 'active'", nil, nil},
		{"state = 'suspended'", tenants.ErrSuspended, nil},
		{"state = 'archived'", tenants.ErrUnknownTenant, nil},
		{"state = 'maintenance'", tenants.ErrMaintenance, nil},
		{"state = 'purged'", tenants.ErrUnknownTenant, tenants.ErrUnknownTenant},
		{"state = 'provisioning'", tenants.ErrUnknownTenant, nil}, // its first admin is being added
		{"", tenants.ErrUnknownTenant, tenants.ErrUnknownTenant},
	} {
		t.Run(test.change, func(t *testing.T) {
			t.Parallel()
			tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
				kept := env.Tenant(t, "acme")
				must(t, reach(t, env.Store.View, kept))
				changeRow(t, env, kept, test.change)
				late := env.Beside(t, tenantstest.Options{})
				for _, way := range []string{"view", "update", "maintain", "view", "update"} { // again, once it is open
					want := test.want
					if way == "maintain" {
						want = test.maintain
					}
					if err := reach(t, ways(late.Store)[way], kept); !errors.Is(err, want) || want == nil && err != nil {
						t.Errorf("%s with the row of before: %v, want %v", way, err, want)
					}
				}
			})
		})
	}
}

// changeRow changes the tenant's row as an operation does, or removes it.
func changeRow(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, change string) {
	t.Helper()
	must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		if change == "" {
			return tx.Delete(tenant).Error
		}
		return tx.Exec("UPDATE tenants SET epoch = epoch + 1, "+change+" WHERE id = ?", tenant.ID).Error
	}))
	if change == "" {
		must(t, env.Engine.Drop(t.Context(), tenant))
	}
}

// TestARowOfATenantThatIsServedAgain was read while the tenant was suspended.
func TestARowOfATenantThatIsServedAgain(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		suspended, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme")
		must(t, err)
		must(t, reach(t, env.Store.Maintain, suspended)) // a handle is open then
		if err := reach(t, env.Store.Update, suspended); !errors.Is(err, tenants.ErrSuspended) {
			t.Errorf("suspended: %v", err)
		}
		_, err = env.Lifecycle.Resume(t.Context(), "ada", "acme")
		must(t, err)
		must(t, reach(t, env.Store.Update, suspended))
	})
}

// TestNoVersionThatThisBuildCantServe has the master and the database say each of
// the versions, also where they don't agree.
func TestNoVersionThatThisBuildCantServe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		row, database int64 // against this build's
		served        bool
	}{
		"current":           {0, 0, true},
		"behind":            {-1, -1, false},
		"ahead":             {1, 1, false},
		"far ahead":         {90, 90, false},
		"only row behind":   {-1, 0, false},
		"only row ahead":    {1, 0, false},
		"database behind":   {0, -1, false},
		"database ahead":    {0, 1, false},
		"behind and ahead":  {-1, 1, false},
		"no version at all": {-100, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
				tenant := env.Tenant(t, "acme")
				must(t, reach(t, env.Store.View, tenant))
				build := env.Engine.SchemaVersion()
				setVersion(t, env, tenant, build+test.database)
				changeRow(t, env, tenant, fmt.Sprintf("schema_version = %d", max(0, build+test.row)))
				late := env.Beside(t, tenantstest.Options{})
				for way, f := range ways(late.Store) {
					if err := reach(t, f, tenant); (err == nil) != test.served || err != nil && !errors.Is(err, tenants.ErrSchemaVersion) {
						t.Errorf("%s: %v", way, err)
					}
				}
				_, err := late.Store.Lookup(t.Context(), "acme")
				if test.row != 0 && !errors.Is(err, tenants.ErrSchemaVersion) || test.row == 0 && err != nil {
					t.Errorf("look-up: %v", err)
				}
			})
		})
	}
}

// setVersion has the tenant's database say that it is at the version.
func setVersion(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, version int64) {
	t.Helper()
	alter(t, env, tenant, fmt.Sprintf("DELETE FROM goose_db_version WHERE version_id > %d", version))
	if version > env.Engine.SchemaVersion() {
		alter(t, env, tenant, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)", version))
	}
}

// TestScopesBesideOperations runs scopes with a row of before while the tenant
// is suspended and resumed again and again: each scope runs or says that the
// tenant isn't served, and none runs between a suspension and the next resumption.
func TestScopesBesideOperations(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		kept := env.Tenant(t, "acme")
		var suspended atomic.Bool
		var ran, refused atomic.Int64
		done := make(chan struct{})
		var scopes sync.WaitGroup
		for range 4 {
			scopes.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					err := env.Store.Update(t.Context(), kept, func(tx *gorm.DB) error {
						ran.Add(1)
						if suspended.Load() {
							t.Error("a scope ran while the tenant was suspended")
						}
						return tx.Find(&[]notes.Folder{}).Error
					})
					switch {
					case errors.Is(err, tenants.ErrSuspended):
						refused.Add(1)
					case err != nil && !errors.Is(err, tenants.ErrMaintenance):
						t.Error(err)
						return
					}
				}
			})
		}
		another := func(count *atomic.Int64) {
			for before := count.Load(); count.Load() == before && !t.Failed(); {
				runtime.Gosched()
			}
		}
		for range 5 {
			another(&ran)
			_, err := env.Lifecycle.Suspend(t.Context(), "ada", "acme")
			must(t, err)
			suspended.Store(true)
			another(&refused)
			suspended.Store(false)
			_, err = env.Lifecycle.Resume(t.Context(), "ada", "acme")
			must(t, err)
		}
		close(done)
		scopes.Wait()
	})
}
