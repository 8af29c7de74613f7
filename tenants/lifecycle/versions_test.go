package lifecycle_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// buildsWith are two builds of the program on one master: of today, and with one more migration that declares something.
func buildsWith(t *testing.T, engine tenantstest.Engine, declared string) (today, next *tenantstest.Env) {
	t.Helper()
	today = tenantstest.New(t, tenantstest.Options{Engine: engine})
	return today, today.Beside(t, tenantstest.Options{Schema: expanded(t, declared)})
}

// expanded is the schema of a build with one more migration, number 900, that declares something.
func expanded(t *testing.T, declared string) tenants.Schema {
	t.Helper()
	return newer(t, map[string]string{"00900_more.sql": declared + "\nCREATE TABLE more (id integer);"})
}

// serves reports whether the build serves the tenant, for reading and for writing.
func serves(t *testing.T, env *tenantstest.Env, name string) bool {
	t.Helper()
	tenant, err := env.Store.Lookup(t.Context(), name)
	if err == nil {
		err = env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
	}
	if err == nil {
		err = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			return tx.Save(&notes.Person{ID: 1, Email: "ada@example.com"}).Error
		})
	}
	if err != nil && !errors.Is(err, tenants.ErrSchemaVersion) && !errors.Is(err, tenants.ErrMaintenance) {
		t.Fatal(err)
	}
	return err == nil
}

// TestTwoBuilds serves a tenant by an older and by a newer build, before its migration and afterwards, according to
// what the migration declares.
func TestTwoBuilds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		declared              string
		nextServes, todayDoes bool // the newer build before the migration, and the older one afterwards
	}{
		"nothing older": {"-- serves from: 3\n-- older code from: 3", false, false},
		"older schemas": {"-- serves from: 1", true, false},
		"older code":    {"-- older code from: 2", false, true},
		"both":          {"-- serves from: 2\n-- older code from: 1", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
				today, next := buildsWith(t, engine, test.declared)
				today.Tenant(t, "acme")
				if !serves(t, today, "acme") || serves(t, next, "acme") != test.nextServes {
					t.Error("before the migration")
				}
				if _, err := next.Lifecycle.Migrate(t.Context(), "ada", "acme"); err != nil {
					t.Fatal(err)
				}
				awaitNews(t, func() bool { return !errors.Is(lookup(t, today, "acme"), tenants.ErrMaintenance) })
				if !serves(t, next, "acme") || serves(t, today, "acme") != test.todayDoes {
					t.Error("after the migration")
				}
				late := today.Beside(t, tenantstest.Options{})
				if serves(t, late, "acme") != test.todayDoes {
					t.Error("another process of the older build, after the migration")
				}
			})
		})
	}
}

// TestRecordsOfVersions: without a record, or with a stricter one, an older build doesn't serve a tenant that a newer one
// has migrated. A record becomes stricter, never looser.
func TestRecordsOfVersions(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		today, next := buildsWith(t, engine, "-- older code from: 2")
		next.Tenant(t, "acme")
		change := func(f func(tx *gorm.DB) error) {
			t.Helper()
			if err := today.Store.Master().Update(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			today.Store.Refresh("")
		}
		if !serves(t, today, "acme") {
			t.Error("with a record")
		}
		change(func(tx *gorm.DB) error { return tx.Delete(&tenants.SchemaRecord{}, "version = 900").Error })
		if serves(t, today.Beside(t, tenantstest.Options{}), "acme") {
			t.Error("without a record")
		}
		for _, declared := range []string{"-- older code from: 1", "-- older code from: 3", "-- older code from: 2"} {
			today.Beside(t, tenantstest.Options{Schema: expanded(t, declared)})
		}
		today.Store.Refresh("")
		if serves(t, today, "acme") || serves(t, today.Beside(t, tenantstest.Options{}), "acme") {
			t.Error("after a stricter record")
		}
		if !serves(t, next, "acme") {
			t.Error("the newer build")
		}
	})
}
