package trial_test

import (
	"database/sql"
	"strings"
	"testing"
	"testing/fstest"

	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
	"tenantry/tenants/trial"
)

// town is a schema in which a table has what a rebuild can lose.
const town = `-- +goose Up
CREATE TABLE houses (
	id integer PRIMARY KEY AUTOINCREMENT, street text NOT NULL COLLATE NOCASE, number integer NOT NULL DEFAULT 1,
	address text GENERATED ALWAYS AS (street || ' ' || number) VIRTUAL, behind_id integer REFERENCES houses (id),
	CONSTRAINT houses_number_check CHECK (number > 0), UNIQUE (street, number)
);
CREATE INDEX houses_behind ON houses (behind_id) WHERE behind_id IS NOT NULL;
CREATE TABLE rooms (id integer PRIMARY KEY, house_id integer NOT NULL REFERENCES houses (id) ON DELETE CASCADE, name text);
CREATE TABLE keys (house_id integer REFERENCES houses (id), label text, PRIMARY KEY (house_id, label)) WITHOUT ROWID;
CREATE VIEW addresses AS SELECT address FROM houses;
-- +goose StatementBegin
CREATE TRIGGER first_room AFTER INSERT ON houses BEGIN INSERT INTO rooms (house_id, name) VALUES (new.id, 'hall'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER numbered AFTER INSERT ON rooms BEGIN UPDATE rooms SET name = (SELECT street FROM houses WHERE id = new.house_id) || new.name WHERE id = new.id; END;
-- +goose StatementEnd
INSERT INTO houses (street, number) VALUES ('Elm', 1), ('Elm', 2), ('Oak', 1), ('Ash', 9);
UPDATE houses SET behind_id = 1 WHERE id = 2;
INSERT INTO keys VALUES (1, 'front'), (2, 'back');
DELETE FROM rooms WHERE house_id = 4;
DELETE FROM houses WHERE id = 4;
`

const (
	triggers = `
-- +goose StatementBegin
CREATE TRIGGER first_room AFTER INSERT ON houses BEGIN INSERT INTO rooms (house_id, name) VALUES (new.id, 'hall'); END;
-- +goose StatementEnd
`
	numbered = `
-- +goose StatementBegin
CREATE TRIGGER numbered AFTER INSERT ON rooms BEGIN UPDATE rooms SET name = (SELECT street FROM houses WHERE id = new.house_id) || new.name WHERE id = new.id; END;
-- +goose StatementEnd
`
	houses = `DROP VIEW addresses;
DROP TRIGGER numbered;
CREATE TABLE new (
	id integer PRIMARY KEY AUTOINCREMENT, street text NOT NULL COLLATE NOCASE, number integer NOT NULL DEFAULT 1,
	address text GENERATED ALWAYS AS (street || ' ' || number) VIRTUAL, behind_id integer REFERENCES houses (id),
	CONSTRAINT houses_number_check CHECK (number > 0), UNIQUE (street, number)
);
INSERT INTO sqlite_sequence SELECT 'new', seq FROM sqlite_sequence WHERE name = 'houses';
INSERT INTO new (id, street, number, behind_id) SELECT id, street, number, behind_id FROM houses;
DROP TABLE houses;
ALTER TABLE new RENAME TO houses;
CREATE INDEX houses_behind ON houses (behind_id) WHERE behind_id IS NOT NULL;
CREATE VIEW addresses AS SELECT address FROM houses;
` + triggers + numbered
	keys = `CREATE TABLE new (house_id integer REFERENCES houses (id), label text, PRIMARY KEY (house_id, label)) WITHOUT ROWID;
INSERT INTO new SELECT * FROM keys;
DROP TABLE keys;
ALTER TABLE new RENAME TO keys;
`
)

// losses are rebuilds that leave one thing out, and what the trial says about it. Without a detail the rebuild is right.
var losses = []struct{ name, up, old, new, detail string }{
	{"houses", houses, "", "", ""},
	{"keys", keys, "", "", ""},
	{"without its index", houses, "CREATE INDEX houses_behind ON houses (behind_id) WHERE behind_id IS NOT NULL;", "", "loses index houses_behind"},
	{"with another index", houses, "(behind_id) WHERE behind_id IS NOT NULL", "(behind_id)", "changes index houses_behind of houses"},
	{"without its trigger", houses, triggers, "", "loses trigger first_room"},
	{"without the other's trigger", houses, numbered, "", "drops trigger numbered"},
	{"without its view", houses, "CREATE VIEW addresses AS SELECT address FROM houses;", "", "drops view addresses"},
	{"with the view left", houses, "DROP VIEW addresses;", "", "error in view addresses"},
	{"without its check", houses, "CONSTRAINT houses_number_check CHECK (number > 0), ", "", "loses check houses_number_check"},
	{"without its unique constraint", houses, ", UNIQUE (street, number)", "", "loses index of u (street"},
	{"without its self-reference", houses, " REFERENCES houses (id),\n\tCONSTRAINT", ",\n\tCONSTRAINT", "loses foreign key (behind_id)"},
	{"without AUTOINCREMENT", strings.Replace(houses, "INSERT INTO sqlite_sequence", "-- ", 1), " AUTOINCREMENT", "", "changes options of houses"},
	{"without its sequence", houses, "INSERT INTO sqlite_sequence SELECT 'new', seq FROM sqlite_sequence WHERE name = 'houses';", "", "ids of rows that were deleted"},
	{"without its collation", houses, " COLLATE NOCASE", "", "changes options of houses"},
	{"without its generated column", houses, " GENERATED ALWAYS AS (street || ' ' || number) VIRTUAL", "", "changes column address of houses"},
	{"without its default", houses, " DEFAULT 1", "", "requires a value of houses.number"},
	{"with a rowid", keys, " WITHOUT ROWID", "", "changes keys"},
	{"without its key", keys, "integer REFERENCES houses (id)", "integer", "loses foreign key (house_id)"},
	{
		"that renames first, with a view", "DELETE FROM rooms;\nDELETE FROM keys;\nALTER TABLE houses RENAME TO old;\nCREATE TABLE houses (id integer PRIMARY KEY, street text, number integer, address text, behind_id integer);\nDROP TABLE old;\n",
		"", "", "leaves a view or a trigger that fails",
	},
}

// TestRebuildsLoseNothingUnseen rebuilds tables of a database without rows, and of one with rows. What a rebuild loses is
// found in both; nothing is found of a rebuild that loses nothing.
func TestRebuildsLoseNothingUnseen(t *testing.T) {
	t.Parallel()
	for _, loss := range losses {
		t.Run(loss.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(loss.up, loss.old) {
				t.Fatalf("the rebuild has no %q", loss.old)
			}
			second := "-- +goose Up\n" + strings.Replace(loss.up, loss.old, loss.new, 1)
			empty := town[:strings.Index(town, "INSERT INTO houses (street, number) VALUES")]
			for what, first := range map[string]string{"without rows": empty, "with rows": town} {
				fsys := fstest.MapFS{"1_town.sql": {Data: []byte(first)}, "2_rebuild.sql": {Data: []byte(second)}}
				report, err := trial.Run(t.Context(), memory{}, trial.Options{Dialect: "sqlite", From: 1, Migrations: fsys})
				if err != nil {
					t.Fatal(err)
				}
				if text := lossesOf(report); loss.detail == "" && text != "" || !strings.Contains(text, loss.detail) {
					t.Errorf("%s: found %q, want %q; %s", what, text, loss.detail, report.Error)
				}
				if loss.detail == "" && first == town {
					keepsEverything(t, fsys)
				}
			}
		})
	}
}

// lossesOf returns the details of the findings that a right rebuild doesn't have.
func lossesOf(report *trial.Report) (text string) {
	add := func(findings []trial.Finding) {
		for _, f := range findings {
			if f.Kind != trial.Rebuild && f.Kind != trial.Scan && f.Kind != trial.Irreversible {
				text += f.Detail + "\n"
			}
		}
	}
	for _, m := range report.Migrations {
		add(m.Findings)
		for _, s := range m.Statements {
			add(s.Findings)
		}
	}
	return text
}

// keepsEverything migrates a database and compares it with what it was before: the schema, the rows, and the next id.
func keepsEverything(t *testing.T, fsys fstest.MapFS) {
	t.Helper()
	db := sql.OpenDB(memory{})
	defer db.Close()
	db.SetMaxOpenConns(1)
	read := func(to int64) (shape.Shape, string) {
		t.Helper()
		var rows string
		_, err := migrate.Up(t.Context(), db, "sqlite", migrate.UpTo(fsys, to))
		if err == nil {
			err = db.QueryRowContext(t.Context(), `SELECT concat_ws('; ',
				(SELECT group_concat(concat_ws(' ', id, address, behind_id)) FROM houses), (SELECT group_concat(concat_ws(' ', id, house_id, name)) FROM rooms),
				(SELECT group_concat(concat_ws(' ', house_id, label)) FROM keys), (SELECT seq FROM sqlite_sequence WHERE name = 'houses'))`).Scan(&rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, err := shape.Read(t.Context(), db, "sqlite")
		if err != nil {
			t.Fatal(err)
		}
		return s.Without("migration"), rows
	}
	before, rowsBefore := read(1)
	after, rowsAfter := read(2)
	if lines := before.Differences(after, "before", "after"); len(lines) > 0 || rowsBefore != rowsAfter {
		t.Errorf("the rebuild changes %q, and the rows are %q, want %q", lines, rowsAfter, rowsBefore)
	}
}
