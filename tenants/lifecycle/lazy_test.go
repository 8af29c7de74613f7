package lifecycle_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/wait"
)

// counting is an engine that counts the migrations, and refuses them while refuse is set.
type counting struct {
	tenants.Engine
	refuse   atomic.Bool
	migrated atomic.Int32
}

func (c *counting) Migrate(ctx context.Context, t *tenants.Tenant) (int64, error) {
	c.migrated.Add(1)
	if c.refuse.Load() {
		return t.SchemaVersion, errors.New("refused")
	}
	return c.Engine.Migrate(ctx, t)
}

// upgraded is a newer build, which migrates lazily, and tenants that an older build created before it ended.
func upgraded(t *testing.T, kind tenantstest.Engine, names ...string) (*tenantstest.Env, *counting) {
	t.Helper()
	engine := &counting{}
	next := tenantstest.New(t, tenantstest.Options{Engine: kind, Schema: expanded(t, ""), Wrap: func(e tenants.Engine) tenants.Engine {
		engine.Engine = e
		return engine
	}})
	next.Store.MigrateLazily(func(dialect string) bool { return dialect == string(kind.Dialect()) }, next.Lifecycle.MigrateLazily)
	today := next.Beside(t, tenantstest.Options{})
	for _, name := range names {
		today.Tenant(t, name)
	}
	if serves(t, next, names[0]) || engine.migrated.Load() > 0 {
		t.Error("a tenant was migrated although an older build can't serve it any more")
	}
	var older *tenants.OlderBuildError
	if err := next.Store.CheckOlderBuilds(t.Context()); !errors.As(err, &older) || len(older.Instances) != 1 ||
		older.Instances[0].ID != today.Store.Process().ID() {
		t.Errorf("the older build: %v", err)
	}
	if err := today.Store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return next, engine
}

// TestTheFirstRequestMigrates has many requests come at once for a tenant that is behind. All are served, after one
// migration, which is in the ledger.
func TestTheFirstRequestMigrates(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, kind tenantstest.Engine) {
		next, engine := upgraded(t, kind, "globex", "acme")
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				acme, err := next.Store.Lookup(t.Context(), "acme")
				if err == nil {
					err = next.Store.View(t.Context(), acme, func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		acme, err := next.Lifecycle.Get(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if n := engine.migrated.Load(); n != 1 || acme.SchemaVersion != 900 {
			t.Errorf("%d migrations, version %d", n, acme.SchemaVersion)
		}
		wantDone(t, next, acme, tenants.KindMigrate, string(lifecycle.System))
		wait.Until(t, "the refusal to be some time ago", func() bool { return serves(t, next, "globex") })
	})
}

// TestTheFirstRequestFails: a migration that failed is in the ledger and among the alerts, the tenant is not served, and
// further requests don't try again at once.
func TestTheFirstRequestFails(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, kind tenantstest.Engine) {
		next, engine := upgraded(t, kind, "globex", "acme")
		engine.refuse.Store(true)
		for range 5 {
			if serves(t, next, "acme") {
				t.Error("the tenant is served")
			}
		}
		acme, err := next.Lifecycle.Get(t.Context(), "acme")
		if err != nil || acme.State != tenants.StateActive || acme.SchemaVersion == 900 || engine.migrated.Load() != 1 {
			t.Errorf("%+v, %v, %d migrations", acme, err, engine.migrated.Load())
		}
		page, _, err := next.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{TenantID: acme.ID}, "", 1)
		if err != nil || len(page) != 1 || page[0].Kind != tenants.KindMigrate || page[0].State != tenants.OperationFailed {
			t.Errorf("the ledger: %+v, %v", page, err)
		}
		if failing := next.Store.Failing(); len(failing) != 1 || failing[0].TenantID != acme.ID {
			t.Errorf("failing: %+v", failing)
		}
		engine.refuse.Store(false)
		if _, err := next.Lifecycle.Migrate(t.Context(), "ada", "acme"); err != nil || !serves(t, next, "acme") {
			t.Errorf("after a migration by hand: %v", err)
		}
	})
}
