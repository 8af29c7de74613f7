package shape_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
	"tenantry/tenants/shape"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// alteration is a small change of the first migration, and what the first line of
// the difference that it makes contains.
type alteration struct {
	old, new string
	want     string
}

// added is a statement too many.
func added(statement, want string) alteration {
	const before = "CREATE INDEX notes_author_idx"
	statement = "-- +goose StatementBegin\n" + statement + "\n-- +goose StatementEnd\n"
	return alteration{before, statement + before, want}
}

// alterations are those that are possible on every engine.
func alterations() map[string]alteration {
	return map[string]alteration{
		"index dropped":          {"CREATE INDEX notes_author_idx ON notes (author_id);", "", "table notes, index notes_author_idx: only in one"},
		"index of other column":  {"ON notes (author_id)", "ON notes (folder_id)", "table notes, index notes_author_idx"},
		"index in other order":   {"(folder_id, id)", "(id, folder_id)", "table notes, index notes_folder_idx"},
		"index descending":       {"ON notes (author_id)", "ON notes (author_id DESC)", "table notes, index notes_author_idx"},
		"index partial":          {"ON notes (author_id)", "ON notes (author_id) WHERE author_id > 1", "table notes, index notes_author_idx"},
		"index not unique":       {"UNIQUE INDEX people_email_key", "INDEX people_email_key", "table people, index people_email_key"},
		"index case-sensitive":   {"(lower(email))", "(email)", "table people, index people_email_key"},
		"index of an expression": {"(lower(email))", "(upper(email))", "table people, index people_email_key"},
		"index added":            added("CREATE INDEX extra_idx ON notes (text);", "table notes, index extra_idx: only in two"),
		"check dropped":          {",\n    CONSTRAINT folders_name_check CHECK (length(name) BETWEEN 1 AND 200)", "", "folders_name_check: only in one"},
		"check of other words":   {"'idea', 'task'", "'idea', 'TASK'", "notes_kind_check:"},
		"check renamed":          {"notes_kind_check", "notes_kinds_check", "notes_kind_check: only in one"},
		"column added":           {"due_on ", "extra text, due_on ", "table notes, column extra: only in two"},
		"column dropped":         {"    due_on     date,\n", "", "table notes, column due_on: only in one"},
		"column renamed":         {"    remark ", "    words ", "table folders, column remark: only in one"},
		"column of other type":   {"due_on     date", "due_on     text", "table notes, column due_on:"},
		"other default":          {"due_on     date", "due_on     date DEFAULT '2026-01-01'", "table notes, column due_on:"},
		"other key":              {"ON DELETE CASCADE", "ON DELETE RESTRICT", "folder_id"},
		"other key on update":    {"ON DELETE CASCADE", "ON DELETE CASCADE ON UPDATE CASCADE", "folder_id"},
		"key dropped":            {"CONSTRAINT notes_folder_id_fkey FOREIGN KEY (folder_id) REFERENCES folders (id) ON DELETE CASCADE,", "", "folder_id"},
		"key deferred":           {"ON DELETE CASCADE", "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED", "table notes, "},
		"unique added":           {"due_on     date", "due_on     date UNIQUE", "due_on"},
		"table added":            added("CREATE TABLE extra (id integer);", "table extra"),
	}
}

// alterationsOf adds those that are written otherwise on each engine.
func alterationsOf(engine tenantstest.Engine) map[string]alteration {
	all := alterations()
	if engine == tenantstest.SQLite {
		all["column nullable"] = alteration{"folder_id  integer  NOT NULL", "folder_id  integer", "table notes, column folder_id:"}
		all["ids used again"] = alteration{"AUTOINCREMENT,\n    folder_id", ",\n    folder_id", "table notes, options:"}
		all["other collation"] = alteration{"due_on     date", "due_on     date COLLATE NOCASE", "table notes, options:"}
		all["view added"] = added("CREATE VIEW extra AS SELECT 1;", "view extra: only in two")
		all["trigger added"] = added("CREATE TRIGGER extra AFTER DELETE ON people BEGIN SELECT 1; END;", "trigger extra: only in two")
		return all
	}
	all["column nullable"] = alteration{"folder_id  bigint      NOT NULL", "folder_id  bigint", "table notes, column folder_id:"}
	all["ids as identity"] = alteration{"id         bigserial   PRIMARY KEY,\n    folder_id", "id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,\n    folder_id", "table notes, column id:"}
	all["other collation"] = alteration{"remark     text ", `remark     text COLLATE "C"`, "table folders, column remark:"}
	all["table unlogged"] = alteration{"CREATE TABLE notes", "CREATE UNLOGGED TABLE notes", "table notes:"}
	all["other precision"] = alteration{"created_at timestamptz NOT NULL,\n    CONSTRAINT notes", "created_at timestamptz(3) NOT NULL,\n    CONSTRAINT notes", "table notes, column created_at:"}
	all["view added"] = added("CREATE VIEW extra AS SELECT 1 AS one;", "relation of kind v extra: only in two")
	all["type added"] = added("CREATE TYPE extra AS ENUM ('a');", "type extra")
	return all
}

// TestEveryDifferenceIsSeen reads schemas that differ in one thing.
func TestEveryDifferenceIsSeen(t *testing.T) {
	t.Parallel()
	tenantstest.EachDialect(t, func(t *testing.T, engine tenantstest.Engine) {
		before := read(t, engine, notes.Schema())
		for name, a := range alterationsOf(engine) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				schema := notes.Schema()
				schema.Migrations[string(engine)] = altered(t, schema.Migrations[string(engine)], a)
				lines := before.Differences(read(t, engine, schema), "one", "two")
				if len(lines) == 0 || !strings.Contains(lines[0], a.want) {
					t.Errorf("the differences are %q, want a line with %q", lines, a.want)
				}
			})
		}
	})
}

func read(t *testing.T, engine tenantstest.Engine, schema tenants.Schema) shape.Shape {
	t.Helper()
	db, err := tenantstest.Migrated(t, engine, schema).DB()
	if err != nil {
		t.Fatal(err)
	}
	s, err := shape.Read(t.Context(), db, string(engine))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// altered is the migrations with the change in the first of them.
func altered(t *testing.T, migrations fs.FS, a alteration) fs.FS {
	t.Helper()
	const name, second = "00001_init.sql", "00002_pinned.sql"
	text, err := fs.ReadFile(migrations, name)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := fs.ReadFile(migrations, second)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), a.old); n != 1 {
		t.Fatalf("%s has %q %d times", name, a.old, n)
	}
	changed := strings.Replace(string(text), a.old, a.new, 1)
	return fstest.MapFS{name: {Data: []byte(changed)}, second: {Data: rest}}
}
