package fleet_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/tenantstest"
)

// counting is an engine that counts migrations and refuses some.
type counting struct {
	tenants.Engine
	migrated atomic.Int64
	refuse   string
}

var errRefused = errors.New("refused")

func (c *counting) Migrate(ctx context.Context, t *tenants.Tenant) (int64, error) {
	c.migrated.Add(1)
	if t.Subdomain == c.refuse {
		return 0, errRefused
	}
	return c.Engine.Migrate(ctx, t)
}

func newFleet(t *testing.T, engine tenantstest.Engine) (*tenantstest.Env, *counting) {
	t.Helper()
	c := &counting{}
	env := tenantstest.New(t, tenantstest.Options{Engine: engine, Wrap: func(e tenants.Engine) tenants.Engine {
		c.Engine = e
		return c
	}})
	for _, subdomain := range []string{"acme", "globex", "initech", "umbrella"} {
		env.Tenant(t, subdomain)
	}
	return env, c
}

// migrateAll migrates every tenant that is behind, and returns how many were.
func migrateAll(ctx context.Context, env *tenantstest.Env, progress func(fleet.Progress)) (migrated int, err error) {
	f := fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
	run, err := f.Migrate(ctx, "ada", fleet.Plan{}, progress)
	if run == nil {
		return 0, err
	}
	return int(run.Migrated), err
}

// setBehind makes the master think that tenants have an old version.
func setBehind(t *testing.T, env *tenantstest.Env, subdomains ...string) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("subdomain IN ?", subdomains).Update("schema_version", 0).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMigrateOpensOnlyTenantsBehind(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env, c := newFleet(t, engine)
			if n, err := migrateAll(t.Context(), env, nil); n != 0 || err != nil || c.migrated.Load() != 0 {
				t.Errorf("all current: migrated %d, opened %d, %v", n, c.migrated.Load(), err)
			}
			setBehind(t, env, "acme", "initech")
			var told []string
			n, err := migrateAll(t.Context(), env, func(p fleet.Progress) {
				told = append(told, p.Subdomain)
				if p.Total != 2 || p.Done != len(told) || p.Err != nil {
					t.Errorf("progress %+v", p)
				}
			})
			slices.Sort(told)
			if n != 2 || err != nil || c.migrated.Load() != 2 || !slices.Equal(told, []string{"acme", "initech"}) {
				t.Errorf("migrated %d, opened %d, told %v, %v", n, c.migrated.Load(), told, err)
			}
			standings, err := fleet.Status(t.Context(), env.Store)
			want := []fleet.VersionCount{{Server: tenants.DefaultServer, SchemaVersion: c.SchemaVersion(), Tenants: 4, Target: c.SchemaVersion()}}
			if err != nil || !slices.Equal(standings, want) {
				t.Errorf("status %+v, %v", standings, err)
			}
		})
	}
}

// TestMigrateLeavesOut the tenants that the plan excepts.
func TestMigrateLeavesOut(t *testing.T) {
	t.Parallel()
	env, c := newFleet(t, tenantstest.SQLite)
	setBehind(t, env, "acme", "globex", "initech")
	f := fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
	var unknown *fleet.UnknownError
	if _, err := f.Migrate(t.Context(), "ada", fleet.Plan{Except: []string{"acme", "nobody"}}, nil); !errors.As(err, &unknown) || unknown.Field != "except" {
		t.Errorf("an unknown tenant: %v", err)
	}
	var told []string
	run, err := f.Migrate(t.Context(), "ada", fleet.Plan{Except: []string{"acme", "umbrella"}}, func(p fleet.Progress) { told = append(told, p.Subdomain) })
	slices.Sort(told)
	if err != nil || run.Migrated != 2 || c.migrated.Load() != 2 || !slices.Equal(told, []string{"globex", "initech"}) {
		t.Errorf("%+v, %q, %v", run, told, err)
	}
}

func TestMigrateGoesOnPastAFailure(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env, c := newFleet(t, engine)
			setBehind(t, env, "acme", "globex", "initech")
			c.refuse = "globex"
			n, err := migrateAll(t.Context(), env, nil)
			var partial *fleet.PartialError
			if n != 2 || !errors.As(err, &partial) || !errors.Is(err, errRefused) || partial.Migrated != 2 ||
				len(partial.Failed) != 1 || partial.Failed[0].Subdomain != "globex" {
				t.Errorf("migrated %d, %v", n, err)
			}
			c.refuse = ""
			if n, err := migrateAll(t.Context(), env, nil); n != 1 || err != nil {
				t.Errorf("again: migrated %d, %v", n, err)
			}
		})
	}
}

func TestMigrateStopsWhenCancelled(t *testing.T) {
	t.Parallel()
	env, _ := newFleet(t, tenantstest.SQLite)
	setBehind(t, env, "acme", "globex")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := migrateAll(ctx, env, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestListOutdated has a tenant that is behind, one whose migration failed, and one whose database differs.
func TestListOutdated(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env, c := newFleet(t, engine)
			c.refuse = "globex"
			setBehind(t, env, "globex")
			if _, err := migrateAll(t.Context(), env, nil); !errors.Is(err, errRefused) {
				t.Fatalf("migrate: %v", err)
			}
			setBehind(t, env, "acme")
			page, next, err := fleet.ListOutdated(t.Context(), env.Store, "", 1)
			want := fleet.Outdated{Subdomain: "acme", State: tenants.StateActive, Server: tenants.DefaultServer, Target: c.SchemaVersion()}
			if err != nil || next != "acme" || !slices.Equal(page, []fleet.Outdated{want}) {
				t.Errorf("first page %+v, next %q, %v", page, next, err)
			}
			page, next, err = fleet.ListOutdated(t.Context(), env.Store, next, 50)
			want.Subdomain, want.Error = "globex", "migrate: "+errRefused.Error()
			if err != nil || next != "" || !slices.Equal(page, []fleet.Outdated{want}) {
				t.Errorf("second page %+v, next %q, %v", page, next, err)
			}
			umbrella, err := env.Lifecycle.Get(t.Context(), "umbrella")
			if err != nil {
				t.Fatal(err)
			}
			env.Alter(t, umbrella, "CREATE TABLE extra (id integer)")
			findings, err := env.Lifecycle.VerifySchemas(t.Context(), nil)
			var subjects []string
			for _, f := range findings {
				subjects = append(subjects, f.Subject+" "+f.Kind)
			}
			slices.Sort(subjects)
			if wanted := []string{
				"acme schema-version-wrong", "globex schema-version-wrong", "umbrella schema-differs",
			}; err != nil || !slices.Equal(subjects, wanted) {
				t.Errorf("verified: %v, want %v; %v", subjects, wanted, err)
			}
		})
	}
}
