package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// undoable is a build with one more migration, number 900, whose Down is given, and a tenant at that version with a folder.
// The first request migrates tenants that are behind.
func undoable(t *testing.T, engine tenantstest.Engine, down string) (next *tenantstest.Env, acme *tenants.Tenant) {
	t.Helper()
	schema := newer(t, map[string]string{"00900_more.sql": "CREATE TABLE more (id integer);\n" + down})
	next = tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: schema})
	next.Store.MigrateLazily(func(string) bool { return true }, next.Lifecycle.MigrateLazily)
	acme = next.Tenant(t, "acme")
	err := next.Store.Update(t.Context(), acme, func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "papers"}).Error })
	if err != nil {
		t.Fatal(err)
	}
	return next, acme
}

// previous is the version before 900.
func previous(t *testing.T) int64 {
	t.Helper()
	version, err := migrate.Latest(notes.Schema().Migrations["sqlite"])
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// TestMigrateDown: the older build serves the tenant with its rows. Requests to the newer one don't migrate it again, but
// an operator does.
func TestMigrateDown(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		next, acme := undoable(t, engine, "-- +goose Down\nDROP TABLE more;")
		now, err := next.Lifecycle.MigrateDown(t.Context(), "ada", "acme", previous(t))
		if err != nil || now.SchemaVersion != previous(t) || now.State != tenants.StateActive {
			t.Fatalf("%+v, %v", now, err)
		}
		wantDone(t, next, acme, tenants.KindMigrateDown, "ada")
		for range 3 {
			if serves(t, next, "acme") {
				t.Error("a request has migrated the tenant again")
			}
		}
		if failing := next.Store.Failing(); len(failing) > 0 {
			t.Errorf("a tenant that an operator holds is among the alerts: %+v", failing)
		}
		today := next.Beside(t, tenantstest.Options{})
		if names, err := folders(t, today, now); err != nil || !slices.Equal(names, []string{"papers"}) {
			t.Errorf("by the older build: %q, %v", names, err)
		}
		if err := today.Store.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := next.Lifecycle.Migrate(t.Context(), "ada", "acme"); err != nil || !serves(t, next, "acme") {
			t.Errorf("after a migration by hand: %v", err)
		}
	})
}

// TestMigrateDownThatIsRefused leaves the tenant as it was, and served.
func TestMigrateDownThatIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		down   string
		to     int64 // 0: the version before
		noDown bool
	}{
		"no Down":         {"", 0, true},
		"empty Down":      {"-- +goose Down\n-- nothing", 0, true},
		"Down that fails": {"-- +goose Down\nDROP TABLE more;\nDROP TABLE nothing;", 0, false},
		"another version": {"-- +goose Down\nDROP TABLE more;", 899, false},
		"a newer version": {"-- +goose Down\nDROP TABLE more;", 901, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
				next, acme := undoable(t, engine, test.down)
				to := test.to
				if to == 0 {
					to = previous(t)
				}
				_, err := next.Lifecycle.MigrateDown(t.Context(), "ada", "acme", to)
				var missing *migrate.NoDownError
				if err == nil || errors.As(err, &missing) != test.noDown {
					t.Errorf("got %v", err)
				}
				now, err := next.Lifecycle.Get(t.Context(), "acme")
				if err != nil || now.State != tenants.StateActive || now.SchemaVersion != 900 {
					t.Errorf("the tenant is %+v, %v", now, err)
				}
				if names, err := folders(t, next, acme); err != nil || len(names) != 1 {
					t.Errorf("folders %q, %v", names, err)
				}
			})
		})
	}
}
