package tenants_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// examine returns the faults of a tenant, by kind.
func examine(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) map[tenants.FaultKind]tenants.Fault {
	t.Helper()
	faults, err := env.Engine.Examine(t.Context(), tenant)
	must(t, err)
	found := map[tenants.FaultKind]tenants.Fault{}
	for _, f := range faults {
		if _, twice := found[f.Kind]; twice || f.Detail == "" {
			t.Errorf("%+v twice, or without a detail", f)
		}
		found[f.Kind] = f
	}
	return found
}

func wantSound(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	if found := examine(t, env, tenant); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
}

// wantFault expects one fault.
func wantFault(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, kind tenants.FaultKind, mendable bool) tenants.Fault {
	t.Helper()
	found := examine(t, env, tenant)
	if len(found) != 1 || found[kind].Mendable != mendable {
		t.Errorf("found %+v, want %s, mendable %v", found, kind, mendable)
	}
	return found[kind]
}

// purge has the tenant be one whose data is in the trash.
func purge(tenant *tenants.Tenant) {
	later := time.Now().Add(time.Hour)
	tenant.State, tenant.RemoveAfter = tenants.StatePurged, &later
}

func TestExamineOfWhatIsSound(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		mark(t, env, tenant)
		wantSound(t, env, tenant)
		must(t, env.Engine.Mend(t.Context(), tenant))
		handle(t, env, tenant, func(db *gorm.DB) error {
			return db.Transaction(func(tx *gorm.DB) error {
				if err := tx.Create(&notes.Folder{Name: "open"}).Error; err != nil {
					return err
				}
				wantSound(t, env, tenant) // beside a scope
				return errors.Join(env.Engine.Mend(t.Context(), tenant), tx.Delete(&notes.Folder{}, "name = ?", "open").Error)
			})
		})
		must(t, env.Engine.Trash(t.Context(), tenant))
		purge(tenant)
		wantSound(t, env, tenant)
		must(t, env.Engine.Mend(t.Context(), tenant))
		must(t, env.Engine.Untrash(t.Context(), tenant))
		wantMark(t, env, tenant)
	})
}

func TestExamineOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		must(t, env.Engine.Drop(t.Context(), tenant))
		wantFault(t, env, tenant, tenants.FaultMissing, false)
		must(t, env.Engine.Mend(t.Context(), tenant))
		_, err := env.Engine.Open(t.Context(), tenant)
		_, failure := env.Engine.Migrate(t.Context(), tenant)
		for what, err := range map[string]error{
			"open": err, "migrate": failure,
			"trash": env.Engine.Trash(t.Context(), tenant), "untrash": env.Engine.Untrash(t.Context(), tenant),
		} {
			wantUnavailable(t, what, err)
			if !errors.Is(err, tenants.ErrNoDatabase) {
				t.Errorf("%s: %v is not %v", what, err, tenants.ErrNoDatabase)
			}
		}
		purge(tenant)
		wantFault(t, env, tenant, tenants.FaultMissing, false)
		tenant.RemoveAfter = nil
		wantSound(t, env, tenant) // it was removed when it was due
		tenant.State, tenant.Database = tenants.StateActive, "../"+tenant.Database
		wantFault(t, env, tenant, tenants.FaultMissing, false)
		must(t, env.Engine.Mend(t.Context(), tenant))
	})
}

func TestExamineOfWhatIsMisplaced(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		mark(t, env, tenant)
		purge(tenant)
		wantFault(t, env, tenant, tenants.FaultMisplaced, true)
		twice(t, env.Engine.Mend, tenant)
		wantSound(t, env, tenant)
		_, err := env.Engine.Open(t.Context(), tenant)
		wantUnavailable(t, "open", err)
		if errors.Is(err, tenants.ErrNoDatabase) {
			t.Errorf("%v: but it is in the trash", err)
		}
		tenant.State, tenant.RemoveAfter = tenants.StateArchived, nil
		wantFault(t, env, tenant, tenants.FaultMisplaced, true)
		twice(t, env.Engine.Mend, tenant)
		wantSound(t, env, tenant)
		wantMark(t, env, tenant)
	})
}

func TestExamineOfAnotherVersion(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		tenant.SchemaVersion--
		fault := wantFault(t, env, tenant, tenants.FaultVersion, false)
		latest := env.Engine.SchemaVersion()
		if fault.Version != latest || !strings.Contains(fault.Detail, fmt.Sprintf("version %d, and the master says %d", latest, latest-1)) {
			t.Errorf("%+v", fault)
		}
		must(t, env.Engine.Mend(t.Context(), tenant))
	})
}
