package migrate_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants/migrate"
)

// family is a schema with every kind of reference: to a rowid, to a unique text, within a table, and from a table without
// rowid.
const family = `-- +goose Up
CREATE TABLE parents (id integer PRIMARY KEY, code text UNIQUE, first_id integer REFERENCES parents (id));
CREATE TABLE children (id integer PRIMARY KEY, parent_id integer REFERENCES parents (id) ON DELETE CASCADE, code text REFERENCES parents (code));
CREATE TABLE marks (child_id integer REFERENCES children (id), name text, PRIMARY KEY (child_id, name)) WITHOUT ROWID;
INSERT INTO parents VALUES (1, 'a', NULL), (2, 'b', 1), (3, 'c', NULL);
INSERT INTO children VALUES (10, 1, 'a'), (11, 2, NULL), (12, NULL, 'b');
INSERT INTO marks VALUES (11, 'red');
`

const (
	newParents  = "CREATE TABLE new (id integer PRIMARY KEY, code text UNIQUE, first_id integer REFERENCES parents (id));\n"
	takesPlace  = "DROP TABLE parents;\nALTER TABLE new RENAME TO parents;\n"
	allOfThem   = "INSERT INTO new SELECT * FROM parents;\n"
	newChildren = "CREATE TABLE new (id integer PRIMARY KEY, parent_id integer REFERENCES parents (id) ON DELETE CASCADE, code text REFERENCES parents (code));\n" +
		"INSERT INTO new SELECT * FROM children;\nDROP TABLE children;\nALTER TABLE new RENAME TO children;\n"
)

// TestReferencesAreChecked applies migrations that rebuild tables, and those that lose the rows that others refer to. These
// fail, name one row, and leave the database as it was.
func TestReferencesAreChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statements string
		wrong      []string // what the error says; nil if the migration is right
	}{
		"rebuilds parents":           {newParents + allOfThem + takesPlace, nil},
		"rebuilds children":          {newChildren, nil},
		"rebuilds both":              {newParents + allOfThem + takesPlace + newChildren, nil},
		"deletes a family":           {"DELETE FROM marks;\nDELETE FROM children WHERE parent_id = 2 OR code = 'b';\nDELETE FROM parents WHERE id = 2;\n", nil},
		"deletes what has no child":  {"DELETE FROM parents WHERE id = 3;\n", nil},
		"renumbers with children":    {"UPDATE parents SET id = id + 100, first_id = first_id + 100;\nUPDATE children SET parent_id = parent_id + 100;\n", nil},
		"loses rows in a rebuild":    {newParents + "INSERT INTO new SELECT * FROM parents WHERE id <> 1;\n" + takesPlace, []string{"row 2 of parents", "first_id", "2 more"}},
		"deletes parents":            {"DELETE FROM parents WHERE id = 2;\n", []string{"children", "1 more"}},
		"deletes one parent":         {"UPDATE children SET code = NULL;\nDELETE FROM parents WHERE id = 2;\n", []string{"row 11 of children", "parent_id", "parents"}},
		"drops and creates":          {"DROP TABLE parents;\nCREATE TABLE parents (id integer PRIMARY KEY, code text UNIQUE, first_id integer);\n", []string{"children", "parents", "3 more"}},
		"drops":                      {"DROP TABLE parents;\n", []string{"children", "parents"}},
		"renumbers":                  {"UPDATE parents SET id = id + 100, first_id = NULL;\n", []string{"children", "parent_id", "parents"}},
		"renames the parents' codes": {"UPDATE parents SET code = upper(code);\n", []string{"children", "code", "parents"}},
		"breaks a self-reference":    {"UPDATE children SET parent_id = NULL, code = NULL;\nDELETE FROM parents WHERE id = 1;\n", []string{"row 2 of parents", "first_id", "parents"}},
		"leaves marks behind":        {"DELETE FROM children WHERE id = 11;\n", []string{"a row of marks", "child_id", "children"}},
		"loses the unique code":      {strings.Replace(newParents, " UNIQUE", "", 1) + allOfThem + takesPlace, []string{"foreign key mismatch", "children", "parents"}},
		"renames first":              {"ALTER TABLE parents RENAME TO old;\n" + strings.Replace(newParents, "new", "parents", 1) + "INSERT INTO parents SELECT * FROM old;\nDROP TABLE old;\n", []string{"children", "old"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openSQLite(t, t.TempDir()+"/test.db")
			db.SetMaxOpenConns(1)
			fsys := folder("1_family.sql", family)
			if _, err := migrate.Up(t.Context(), db, "sqlite", fsys); err != nil {
				t.Fatal(err)
			}
			before := content(t, db)
			fsys = folder("1_family.sql", family, "2_change.sql", "-- +goose Up\n"+test.statements)
			version, err := migrate.Up(t.Context(), db, "sqlite", fsys)
			if test.wrong == nil {
				if err != nil || version != 2 {
					t.Errorf("version %d, %v", version, err)
				}
				return
			}
			for _, words := range append(test.wrong, "2_change.sql") {
				if !matches(err, words) {
					t.Errorf("error %v, want %q", err, words)
				}
			}
			if after := content(t, db); version != 1 || after != before {
				t.Errorf("version %d, and the rows are\n%s\nwant\n%s", version, after, before)
			}
		})
	}
}

// content is the schema and the rows of the family.
func content(t *testing.T, db *sql.DB) (text string) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), `SELECT (SELECT group_concat(sql, char(10)) FROM sqlite_master)
		|| (SELECT group_concat(concat_ws(' ', id, code, first_id), char(10)) FROM parents)
		|| (SELECT group_concat(concat_ws(' ', id, parent_id, code), char(10)) FROM children)
		|| (SELECT group_concat(concat_ws(' ', child_id, name), char(10)) FROM marks)`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestReferencesOfOtherMigrations: one without a transaction isn't recorded if it breaks a reference, a Down is rolled back,
// and an error says that rows were wrong before.
func TestReferencesOfOtherMigrations(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, t.TempDir()+"/test.db")
	db.SetMaxOpenConns(1)
	down := "2_down.sql"
	fsys := folder("1_family.sql", family, down, "-- +goose Up\nCREATE TABLE more (id integer);\n-- +goose Down\nDROP TABLE more;\nDELETE FROM parents;\n")
	if _, err := migrate.Up(t.Context(), db, "sqlite", fsys); err != nil {
		t.Fatal(err)
	}
	var broken *migrate.ReferenceError
	if version, err := migrate.Down(t.Context(), db, "sqlite", fsys, 1); version != 2 || !errors.As(err, &broken) || broken.Before {
		t.Errorf("down: version %d, %v", version, err)
	}
	fsys["3_bare.sql"] = &fstest.MapFile{Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\nDELETE FROM parents WHERE id = 1;\n")}
	if _, err := migrate.Up(t.Context(), db, "sqlite", fsys); !errors.Is(err, migrate.ErrUnclear) || !errors.As(err, &broken) {
		t.Errorf("without a transaction: %v", err)
	}
	if version, err := migrate.Current(t.Context(), db); version != 2 || err != nil {
		t.Errorf("version %d, %v", version, err)
	}
	fsys["3_bare.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE others (id integer);\n")}
	if version, err := migrate.Up(t.Context(), db, "sqlite", fsys); version != 2 || !errors.As(err, &broken) || !broken.Before {
		t.Errorf("after that: version %d, %v", version, err)
	}
}
