package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// newRollout returns that many tenants t01, t02, …, and a process of a newer build with one more migration.
func newRollout(t *testing.T, engine tenantstest.Engine, number int, statements string) (all []*tenants.Tenant, next *tenantstest.Env, f *fleet.Fleet) {
	t.Helper()
	today := tenantstest.New(t, tenantstest.Options{Engine: engine})
	all = make([]*tenants.Tenant, number)
	var group errgroup.Group
	group.SetLimit(4)
	for i := range all {
		group.Go(func() (err error) {
			all[i], err = today.Lifecycle.Create(t.Context(), lifecycle.NewTenant{Subdomain: fmt.Sprintf("t%02d", i+1)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	next = today.Beside(t, tenantstest.Options{Schema: withMigration(t, statements)})
	return all, next, fleet.New(next.Store, next.Lifecycle, slog.New(slog.DiscardHandler))
}

// hide makes a tenant's database missing, until the returned function is called.
func hide(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (show func()) {
	t.Helper()
	move := func(from, to string) {
		t.Helper()
		if env.Kind == tenantstest.SQLite {
			folder := filepath.Join(env.Dir, "tenants")
			if err := os.Rename(filepath.Join(folder, from), filepath.Join(folder, to)); err != nil {
				t.Fatal(err)
			}
			return
		}
		what := "DATABASE "
		if env.Placement == tenants.PlacementSchema {
			what = "SCHEMA "
		}
		env.Alter(t, &tenants.Tenant{Database: "postgres"}, "ALTER "+what+from+" RENAME TO "+to)
	}
	hidden := tenant.Database + "_hidden"
	move(tenant.Database, hidden)
	return func() { move(hidden, tenant.Database) }
}

// TestRolloutWithFaults migrates fifty tenants: one has rows that break the migration, one is locked by a session,
// and the database of one is missing. The run is interrupted midway, resumed, and resumed again when all is mended.
func TestRolloutWithFaults(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		all, next, f := newRollout(t, engine, 50, "-- +goose Up\nCREATE UNIQUE INDEX folders_remark_key ON folders (remark);\n")
		broken, locked, missing := all[16], all[22], all[30]
		next.Alter(t, broken, `INSERT INTO folders (name, remark, created_at, updated_at) VALUES
			('a', 'twice', '2026-01-01', '2026-01-01'), ('b', 'twice', '2026-01-01', '2026-01-01')`)
		hold := map[tenantstest.Engine][]string{tenantstest.SQLite: {"BEGIN IMMEDIATE"}, tenantstest.Postgres: {"BEGIN; LOCK TABLE folders IN ROW EXCLUSIVE MODE"}}
		unlock := next.Hold(t, locked, hold[engine.Dialect()]...)
		show := hide(t, next, missing)

		ctx, interrupt := context.WithCancel(t.Context())
		_, err := f.Migrate(ctx, "ada", fleet.Plan{DespiteOlderBuilds: true, Waves: []fleet.Size{{Number: 1}, {Number: 10}, {Number: 25, Percent: true}}}, func(p fleet.Progress) {
			if p.Done == 15 {
				interrupt()
			}
		})
		var stopped *fleet.StoppedError
		if !errors.As(err, &stopped) || stopped.Run.Reason != "it was interrupted" {
			t.Fatalf("interrupted: %v", err)
		}
		run, err := f.Resume(t.Context(), "ada", nil, nil)
		var partial *fleet.PartialError
		if !errors.As(err, &partial) || run.State != tenants.RunFailed || run.Migrated != 47 || run.Failed != 3 {
			t.Fatalf("resumed: %+v, %v", run, err)
		}
		slices.SortFunc(partial.Failed, func(a, b fleet.Failure) int { return strings.Compare(a.Subdomain, b.Subdomain) })
		for i, want := range []struct {
			*tenants.Tenant
			cause error
		}{{broken, gorm.ErrDuplicatedKey}, {locked, tenants.ErrRetryable}, {missing, tenants.ErrNoDatabase}} {
			if got := partial.Failed[i]; got.Subdomain != want.Subdomain || !errors.Is(got.Err, want.cause) || got.Advice() == "" {
				t.Errorf("failed: %+v, want %s: %v", got, want.Subdomain, want.cause)
			}
		}

		next.Alter(t, broken, "UPDATE folders SET remark = name")
		unlock()
		show()
		if run, err := f.Resume(t.Context(), "ada", nil, nil); err != nil || run.State != tenants.RunDone || run.Migrated != 50 {
			t.Errorf("after the mend: %+v, %v", run, err)
		}
		if findings, err := next.Lifecycle.VerifySchemas(t.Context(), nil); err != nil || len(findings) > 0 {
			t.Errorf("the databases differ from the master: %+v, %v", findings, err)
		}
	})
}
