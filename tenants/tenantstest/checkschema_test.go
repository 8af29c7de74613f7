package tenantstest_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

func TestNotesSchema(t *testing.T) {
	t.Parallel()
	tenantstest.CheckSchema(t, notes.Schema(), tenantstest.SchemaOptions{})
}

// withMigration is the schema of notes with one more migration.
func withMigration(t *testing.T, up, down string) tenants.Schema {
	t.Helper()
	schema := notes.Schema()
	for dialect, folder := range schema.Migrations {
		files := fstest.MapFS{"00900_more.sql": {Data: []byte("-- +goose Up\n" + up + ";\n-- +goose Down\n" + down + ";\n")}}
		names, err := fs.Glob(folder, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := fs.ReadFile(folder, name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: content}
		}
		schema.Migrations[dialect] = files
	}
	return schema
}

// TestCheckSchemaFindsWhatIsWrong adds a migration with one mistake.
func TestCheckSchemaFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		up, down string
		models   []any // more than those of notes
		want     string
	}{
		"a column without a field": {
			"ALTER TABLE notes ADD COLUMN extra text", "ALTER TABLE notes DROP COLUMN extra", nil,
			"the migrations and the models differ:\ntable notes, column extra: only in the migrations",
		},
		"a missing index": {
			"DROP INDEX notes_author_idx", "CREATE INDEX notes_author_idx ON notes (author_id)", nil,
			"the migrations and the models differ:\ntable notes, index notes_author_idx: only in the models",
		},
		"NOT NULL without a default": {
			"ALTER TABLE notes ADD COLUMN extra text NOT NULL", "ALTER TABLE notes DROP COLUMN extra", nil,
			"up, on tables with rows",
		},
		"a key that rows break": {
			"UPDATE notes SET folder_id = 77", "SELECT 1", nil,
			"up, on tables with rows",
		},
		"a Down that leaves something": {
			"CREATE TABLE labels (text text)", "SELECT 1", []any{&label{}},
			"the Down of 00900_more.sql doesn't give the schema of before:\ntable labels",
		},
		"a Down that fails": {
			"CREATE TABLE labels (text text)", "DROP TABLE label", []any{&label{}},
			"down, on tables with rows",
		},
		"a Down that rows break": {
			"CREATE TABLE labels (text text)", "DROP TABLE labels; ALTER TABLE notes ADD COLUMN extra text NOT NULL", []any{&label{}},
			"down, on tables with rows",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
				schema := withMigration(t, test.up, test.down)
				schema.Models = append(schema.Models, test.models...)
				err := tenantstest.CheckEngine(t, engine, schema, tenantstest.SchemaOptions{})
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			})
		})
	}
}

// label is the model of a table that some of the tests add.
type label struct{ Text string }

// TestCheckSchemaNamesOneDifference has a model with a field too many, which is
// the one thing that is reported.
func TestCheckSchemaNamesOneDifference(t *testing.T) {
	t.Parallel()
	type Comment struct { // of which the migrations know nothing
		Text string
	}
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		schema := withMigration(t, "CREATE TABLE comments (id integer, text text)", "DROP TABLE comments")
		schema.Models = append(schema.Models, &Comment{})
		err := tenantstest.CheckEngine(t, engine, schema, tenantstest.SchemaOptions{})
		if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "table comments, column id: only in the migrations") {
			t.Errorf("got %v", err)
		}
	})
}

// TestCheckSchemaComparesDialects has a migration for one of them alone.
func TestCheckSchemaComparesDialects(t *testing.T) {
	t.Parallel()
	schema := withMigration(t, "SELECT 1", "SELECT 1")
	if err := tenantstest.CheckDialects(schema); err != nil {
		t.Error(err)
	}
	delete(schema.Migrations["sqlite"].(fstest.MapFS), "00900_more.sql")
	if err := tenantstest.CheckDialects(schema); err == nil || err.Error() != "migration 00900_more.sql is there for postgres only" {
		t.Errorf("got %v", err)
	}
	delete(schema.Migrations, "sqlite")
	if err := tenantstest.CheckDialects(schema); err == nil || err.Error() != "there are no migrations for sqlite" {
		t.Errorf("got %v", err)
	}
}

// TestCheckSchemaTakesRows has a table into which no row fits that CheckSchema
// would try.
func TestCheckSchemaTakesRows(t *testing.T) {
	t.Parallel()
	schema := withMigration(t, "CREATE TABLE odd (id integer NOT NULL, CONSTRAINT odd_check CHECK (id * id + id = 30))", "DROP TABLE odd")
	row := []string{"INSERT INTO odd VALUES (5)"}
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		options := tenantstest.SchemaOptions{WithoutModel: []string{"odd"}}
		err := tenantstest.CheckEngine(t, engine, schema, options)
		if err == nil || !strings.Contains(err.Error(), "find a row for table odd, which SchemaOptions.Rows can give: ") {
			t.Errorf("got %v", err)
		}
		options.Rows = row
		if err := tenantstest.CheckEngine(t, engine, schema, options); err != nil {
			t.Error(err)
		}
	})
}
