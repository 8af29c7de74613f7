package fleet_test

import (
	"errors"
	"log/slog"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestOlderBuildsStopARun: a run whose migrations an older build can't live with doesn't begin, and isn't resumed, while a
// process of that build is alive, unless the plan says so.
func TestOlderBuildsStopARun(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, kind tenantstest.Engine) {
		next := tenantstest.New(t, tenantstest.Options{Engine: kind})
		schema := notes.Schema()
		for dialect, all := range schema.Migrations {
			schema.Migrations[dialect] = migrate.UpTo(all, 1)
		}
		today := next.Beside(t, tenantstest.Options{Schema: schema})
		today.Tenant(t, "acme")
		today.Tenant(t, "globex")
		f := fleet.New(next.Store, next.Lifecycle, slog.New(slog.DiscardHandler))
		refused := func(err error) {
			t.Helper()
			var older *tenants.OlderBuildError
			if !errors.As(err, &older) || len(older.Instances) != 1 || older.Instances[0].ID != today.Store.Process().ID() || older.OlderCode != 2 {
				t.Fatalf("got %v", err)
			}
		}
		_, err := f.Begin(t.Context(), "ada", fleet.Plan{})
		refused(err)
		forecasts, err := f.Forecast(t.Context(), fleet.Plan{}, nil)
		if err != nil || len(forecasts) != 1 || forecasts[0].OlderCode != 2 || len(forecasts[0].OlderBuilds) != 1 ||
			forecasts[0].OlderBuilds[0].SchemaVersion != 1 || forecasts[0].Dangers() == 0 {
			t.Errorf("the plan doesn't tell of the older build: %+v, %v", forecasts, err)
		}
		if runs, err := f.Runs(t.Context(), 1); err != nil || len(runs) > 0 {
			t.Errorf("runs %+v, %v", runs, err)
		}
		run, err := f.Migrate(t.Context(), "ada", fleet.Plan{Tenants: []string{"acme"}, DespiteOlderBuilds: true}, nil)
		if err != nil || run.Migrated != 1 {
			t.Errorf("in spite of it: %+v, %v", run, err)
		}
		setBuild(t, next, today, 2)
		if run, err := f.Migrate(t.Context(), "ada", fleet.Plan{}, nil); err != nil || run.Migrated != 1 {
			t.Errorf("when the process is of a build that can: %+v, %v", run, err)
		}
	})
}

// setBuild changes the build that a process says that it has.
func setBuild(t *testing.T, env, of *tenantstest.Env, version int64) {
	t.Helper()
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Instance{ID: of.Store.Process().ID()}).Update("schema_version", version).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}
