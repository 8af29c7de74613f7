package lifecycle_test

import (
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestDoctorNamesAlteredSchemas alters two tenants' schemas. A repair changes neither, nor anything else.
func TestDoctorNamesAlteredSchemas(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Alone: true}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "fine")
		env.Alter(t, env.Tenant(t, "less"), "ALTER TABLE notes DROP COLUMN due_on")
		env.Alter(t, env.Tenant(t, "more"), "CREATE TABLE extra (n integer)")
		if _, err := env.Lifecycle.Archive(t.Context(), "ada", "more"); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"less": string(tenants.FaultSchema), "more": string(tenants.FaultSchema)}
		for _, repair := range []bool{false, true} {
			found := examine(t, env, env.Keys, repair)
			wantFound(t, found, false, want)
			if f := found["less"]; f.Detail != "table notes: column due_on is missing" || !strings.Contains(f.Remedy, "undo the change") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// TestDoctorNamesNoSchemaOfAnotherVersion alters tenants that aren't at the last version, which is another
// finding.
func TestDoctorNamesNoSchemaOfAnotherVersion(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		old := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: firstVersion(), Alone: true})
		old.Alter(t, old.Tenant(t, "behind"), "CREATE TABLE extra (n integer)")
		newer := old.Beside(t, tenantstest.Options{})
		newer.Alter(t, newer.Tenant(t, "ahead"), "CREATE TABLE extra (n integer)")
		schema := string(tenants.FaultSchema)
		wantKinds(t, newer, map[string]string{"behind": lifecycle.SchemaBehind, "ahead": schema})
		wantKinds(t, old, map[string]string{"behind": schema, "ahead": lifecycle.SchemaAhead})
	})
}

// wantKinds expects a finding of each subject's kind, and no others but leftover templates.
func wantKinds(t *testing.T, env *tenantstest.Env, want map[string]string) {
	t.Helper()
	found := examine(t, env, env.Keys, false)
	for subject, f := range found {
		if f.Kind == lifecycle.Leftover {
			delete(found, subject)
		}
	}
	wantFound(t, found, false, want)
}

// firstVersion is the schema of notes of the first build.
func firstVersion() tenants.Schema {
	schema := notes.Schema()
	for dialect, folder := range schema.Migrations {
		schema.Migrations[dialect] = migrate.UpTo(folder, 1)
	}
	return schema
}
