package tenants_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// drift is a change of a tenant's schema on each engine, and what is found of it.
type drift struct {
	sqlite, postgres []string
	want             string // the beginning, on both engines unless they name a thing differently
	onPostgres       string
}

// edited edits the SQL of an object in SQLite's catalogue, because SQLite has no statement for it.
func edited(name, old, new string) []string {
	return []string{
		"PRAGMA writable_schema=ON",
		fmt.Sprintf("UPDATE sqlite_master SET sql = replace(sql, '%s', '%s') WHERE name = '%s'", old, new, name),
	}
}

func drifts() map[string]drift {
	both := func(want string, statements ...string) drift { return drift{statements, statements, want, ""} }
	return map[string]drift{
		"column dropped":   both("table notes: column due_on is missing", "ALTER TABLE notes DROP COLUMN due_on"),
		"column added":     both("table notes: column extra is in no migration", "ALTER TABLE notes ADD COLUMN extra text"),
		"column renamed":   both("table folders: column note is in no migration, and there is 1 more difference", "ALTER TABLE folders RENAME COLUMN remark TO note"),
		"index missing":    both("table notes: index notes_author_idx is missing", "DROP INDEX notes_author_idx"),
		"index added":      both("table notes: index extra_idx is in no migration", "CREATE INDEX extra_idx ON notes (text)"),
		"index not unique": both("table folders: index folders_name_key is ", "DROP INDEX folders_name_key", "CREATE INDEX folders_name_key ON folders (name)"),
		"unique missing":   both("table folders: index folders_name_key is missing", "DROP INDEX folders_name_key"),
		"table added":      both("table extra is in no migration", "CREATE TABLE extra (n integer)"),
		"type changed": {edited("notes", "due_on     date", "due_on text"), []string{"ALTER TABLE notes ALTER COLUMN due_on TYPE text"},
			"table notes: column due_on is (text, null) and should be (date, null)", ""},
		"null allowed": {edited("notes", "kind       text     NOT NULL", "kind text"), []string{"ALTER TABLE notes ALTER COLUMN kind DROP NOT NULL"},
			"table notes: column kind is (text, null) and should be (text, not null)", ""},
		"default lost": {edited("notes", "DEFAULT false", ""), []string{"ALTER TABLE notes ALTER COLUMN pinned DROP DEFAULT"},
			"table notes: column pinned is (", ""},
		"check missing": {edited("folders", ",\n    CONSTRAINT folders_name_check CHECK (length(name) BETWEEN 1 AND 200)", ""),
			[]string{"ALTER TABLE folders DROP CONSTRAINT folders_name_check"},
			"table folders: check folders_name_check is missing", "table folders: constraint folders_name_check is missing"},
		"foreign key missing": {edited("notes", ",\n    CONSTRAINT notes_author_id_fkey FOREIGN KEY (author_id) REFERENCES people (id) ON DELETE SET NULL", ""),
			[]string{"ALTER TABLE notes DROP CONSTRAINT notes_author_id_fkey"},
			"table notes: foreign key (author_id) is missing", "table notes: constraint notes_author_id_fkey is missing"},
		"table missing": {[]string{"PRAGMA foreign_keys=OFF", "DROP TABLE people"}, []string{"DROP TABLE people CASCADE"},
			"table people is missing, and there are ", ""},
		"trigger added": {[]string{"CREATE TRIGGER extra AFTER DELETE ON people BEGIN SELECT 1; END"},
			[]string{"CREATE TRIGGER extra AFTER DELETE ON people EXECUTE FUNCTION suppress_redundant_updates_trigger()"},
			"trigger extra is in no migration", "table people: trigger extra is in no migration"},
		"view added": {[]string{"CREATE VIEW extra AS SELECT 1"}, []string{"CREATE VIEW extra AS SELECT 1 AS one"},
			"view extra is in no migration", "relation of kind v extra is in no migration"},
		"ids used again": {edited("folders", "AUTOINCREMENT", ""), []string{"ALTER SEQUENCE folders_id_seq CYCLE"},
			"table folders: options is (none) and should be (autoincrement)", "sequence folders_id_seq is "},
	}
}

func (d drift) on(engine tenantstest.Engine) (statements []string, want string) {
	switch {
	case engine == tenantstest.SQLite:
		return d.sqlite, d.want
	case d.onPostgres == "":
		return d.postgres, d.want
	}
	return d.postgres, d.onPostgres
}

// TestExamineOfAlteredSchemas alters tenants' schemas in one thing each. Their neighbours have no faults.
func TestExamineOfAlteredSchemas(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		beside := env.Tenant(t, "beside")
		for name, d := range drifts() {
			t.Run(name, func(t *testing.T) {
				tenant := env.Tenant(t, strings.ReplaceAll(name, " ", "-"))
				statements, want := d.on(env.Kind)
				wantSound(t, env, tenant)
				env.Alter(t, tenant, statements...)
				fault := wantFault(t, env, tenant, tenants.FaultSchema, false)
				if !strings.HasPrefix(fault.Detail, want) {
					t.Errorf("the detail is %q, want %q", fault.Detail, want)
				}
				wantSound(t, env, beside)
			})
		}
	})
}

// TestExamineOfInvalidIndexes finds by name what a failed CREATE INDEX CONCURRENTLY left, whatever the version.
func TestExamineOfInvalidIndexes(t *testing.T) {
	t.Parallel()
	eachPlacement(t, "", testExamineOfInvalidIndexes)
}

func testExamineOfInvalidIndexes(t *testing.T, engine tenantstest.Engine) {
	env := tenantstest.New(t, tenantstest.Options{Engine: engine})
	tenant := env.Tenant(t, "acme")
	env.Alter(t, tenant, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'notes_folder_idx'::regclass")
	if fault := wantFault(t, env, tenant, tenants.FaultIndex, false); !strings.Contains(fault.Detail, "notes_folder_idx") {
		t.Errorf("the detail is %q", fault.Detail)
	}
}

// TestExamineOfWhatMayDiffer changes what the migrations don't decide.
func TestExamineOfWhatMayDiffer(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		mark(t, env, tenant)
		if env.Kind == tenantstest.SQLite {
			env.Alter(t, tenant, "ANALYZE", "VACUUM", "PRAGMA auto_vacuum=2", "PRAGMA user_version=7")
		} else {
			env.Alter(t, tenant, "ANALYZE", "COMMENT ON TABLE notes IS 'of acme'",
				"ALTER TABLE notes ALTER COLUMN kind SET STATISTICS 1000", "ALTER TABLE notes CLUSTER ON notes_folder_idx",
				"ALTER TABLE notes SET (autovacuum_vacuum_scale_factor=0.01, fillfactor=90)", "ALTER INDEX notes_folder_idx SET (fillfactor=70)")
		}
		if env.Kind == tenantstest.Postgres && env.Placement == tenants.PlacementDatabase { // these are for all tenants of a shared one
			env.Alter(t, tenant, "SELECT lo_create(0)", "CREATE EXTENSION pg_trgm", "CREATE EXTENSION hstore", "CREATE EXTENSION pg_stat_statements", "CREATE EXTENSION tablefunc",
				"CREATE SCHEMA of_citext", "CREATE EXTENSION citext SCHEMA of_citext")
		}
		env.Alter(t, tenant, "ALTER TABLE notes DROP COLUMN due_on", "ALTER TABLE notes ADD COLUMN due_on date") // now the last one
		wantSound(t, env, tenant)
	})
}

// TestExamineAfterUpgrade compares a database that was created at version 1 and migrated since.
func TestExamineAfterUpgrade(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		env := tenantstest.New(t, tenantstest.Options{Engine: engine, Schema: notesAt(1)})
		tenant := env.Tenant(t, "acme")
		wantSound(t, env, tenant)
		newer := env.Beside(t, tenantstest.Options{})
		wantSound(t, newer, tenant) // that it is behind is another finding
		version, err := newer.Engine.Migrate(t.Context(), tenant)
		must(t, err)
		tenant.SchemaVersion = version
		wantSound(t, newer, tenant)
		wantSound(t, env, tenant) // that it is ahead, too
		newer.Alter(t, tenant, "ALTER TABLE notes DROP COLUMN pinned")
		wantFault(t, newer, tenant, tenants.FaultSchema, false)
		wantSound(t, env, tenant)
	})
}

// notesAt is the schema of notes of an earlier build.
func notesAt(version int64) tenants.Schema {
	schema := notes.Schema()
	for dialect, folder := range schema.Migrations {
		schema.Migrations[dialect] = migrate.UpTo(folder, version)
	}
	return schema
}

// TestExamineOfRestoredBackup writes every constraint, default and index anew, from Postgres' own print of
// it, as a restored dump does.
func TestExamineOfRestoredBackup(t *testing.T) {
	t.Parallel()
	schema := withMigration(notes.Schema(), `CREATE TABLE odd (
		kind varchar(20) NOT NULL DEFAULT 'a', at timestamptz NOT NULL DEFAULT '2026-01-02', size numeric(5,2)[] DEFAULT '{1}',
		CHECK (kind IN ('a', 'b') AND (size IS NULL OR kind <> 'c')), CHECK (length(kind) BETWEEN 1 AND 9));
		CREATE INDEX odd_idx ON odd (lower(kind)) WHERE kind IN ('a', 'b')`)
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, Schema: schema, Alone: true})
	tenant := env.Tenant(t, "acme")
	env.Alter(t, tenant, reprint)
	wantSound(t, env, tenant)
	env.Alter(t, tenant, "ALTER TABLE odd DROP CONSTRAINT odd_kind_check")
	wantFault(t, env, tenant, tenants.FaultSchema, false)
}

const reprint = `DO $$ DECLARE o record; BEGIN
	FOR o IN SELECT conname AS name, conrelid::regclass AS rel, pg_get_constraintdef(oid) AS def FROM pg_constraint
		WHERE connamespace = 'public'::regnamespace AND contype = 'c' LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', o.rel, o.name);
		EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', o.rel, o.name, o.def);
	END LOOP;
	FOR o IN SELECT attname AS name, adrelid::regclass AS rel, pg_get_expr(adbin, adrelid) AS def FROM pg_attrdef
		JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum JOIN pg_class c ON c.oid = adrelid
		WHERE relnamespace = 'public'::regnamespace LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', o.rel, o.name, o.def);
	END LOOP;
	FOR o IN SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS def FROM pg_index
		JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = 'public'::regnamespace AND NOT indisprimary LOOP
		EXECUTE format('DROP INDEX %s', o.name);
		EXECUTE o.def;
	END LOOP;
END $$`

// withMigration is the schema with one more migration on Postgres.
func withMigration(schema tenants.Schema, up string) tenants.Schema {
	files := fstest.MapFS{"00900_more.sql": {Data: []byte("-- +goose Up\n-- +goose StatementBegin\n" + up + ";\n-- +goose StatementEnd\n")}}
	folder := schema.Migrations["postgres"]
	for _, name := range []string{"00001_init.sql", "00002_pinned.sql"} {
		content, _ := fs.ReadFile(folder, name)
		files[name] = &fstest.MapFile{Data: content}
	}
	schema.Migrations["postgres"] = files
	return schema
}
