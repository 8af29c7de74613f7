package trial_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/trial"
)

// memory opens a SQLite database in memory.
type memory struct{}

func (memory) Connect(context.Context) (driver.Conn, error) { return sqliteDriver().Open(":memory:") }

func (memory) Driver() driver.Driver { return sqliteDriver() }

func connect(t *testing.T, dialect string) driver.Connector {
	t.Helper()
	if dialect == "sqlite" {
		return memory{}
	}
	config, err := pgx.ParseConfig(pgcluster.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	return stdlib.GetConnector(*config)
}

const base = `-- +goose Up
CREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL, nick text, age integer);
CREATE TABLE pets (id integer PRIMARY KEY, owner_id integer NOT NULL REFERENCES people (id), name varchar(10));
CREATE INDEX people_name_idx ON people (name);
CREATE UNIQUE INDEX pets_name_key ON pets (name);
CREATE VIEW names AS SELECT name FROM people;
`

// run tries a second migration after base.
func run(t *testing.T, dialect, second string) *trial.Report {
	t.Helper()
	o := trial.Options{Dialect: dialect, From: 1, Down: true, Migrations: fstest.MapFS{
		"1_base.sql": {Data: []byte(base)}, "2_second.sql": {Data: []byte(second)},
	}}
	if dialect == "sqlite" {
		o.Migrations.(fstest.MapFS)["1_base.sql"].Data = []byte(base + "-- +goose StatementBegin\nCREATE TRIGGER noticed AFTER INSERT ON people BEGIN UPDATE people SET nick = new.name WHERE id = new.id; END;\n-- +goose StatementEnd\n")
	}
	report, err := trial.Run(t.Context(), connect(t, dialect), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// found lists the findings as "kind table", those that are dangerous with a !.
func found(report *trial.Report) (all []string) {
	add := func(findings []trial.Finding) {
		for _, f := range findings {
			mark := ""
			if f.Danger {
				mark = "!"
			}
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s%s %s", mark, f.Kind, f.Table)))
		}
	}
	for _, m := range report.Migrations {
		for _, s := range m.Statements {
			add(s.Findings)
		}
		add(m.Findings)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// locks lists the locks as "table mode".
func locks(report *trial.Report) (all []string) {
	for _, m := range report.Migrations {
		for _, s := range m.Statements {
			for _, l := range s.Locks {
				all = append(all, l.Table+" "+l.Mode)
			}
		}
	}
	slices.Sort(all)
	return all
}

// scenario is a migration, by default within a transaction and without a Down that the findings need.
type scenario struct {
	name, up, down string
	// findings are what the trial must find, apart from a missing Down, and locks what the statements take.
	findings, locks string
	fails           bool
}

func (s scenario) check(t *testing.T, dialect string) {
	down := s.down
	if down == "" {
		down = "SELECT 1;"
	}
	text := "-- +goose Up\n" + s.up + "\n-- +goose Down\n" + down + "\n"
	if strings.HasPrefix(s.up, "-- +goose NO") {
		text = strings.Replace(s.up, "\n", "\n-- +goose Up\n", 1) + "\n-- +goose Down\n" + down + "\n"
	}
	report := run(t, dialect, text)
	got := slices.DeleteFunc(found(report), func(f string) bool { return s.down == "" && strings.HasSuffix(f, "irreversible") })
	if strings.Join(got, ", ") != s.findings || s.fails != (report.Error != "") {
		t.Errorf("found %q, want %q; error %q; %+v", strings.Join(got, ", "), s.findings, report.Error, report.Migrations)
	}
	if held := strings.Join(locks(report), ", "); held != s.locks {
		t.Errorf("locks %q, want %q", held, s.locks)
	}
}

// TestPostgresFindings has a statement of each kind.
func TestPostgresFindings(t *testing.T) {
	t.Parallel()
	const exclusive = "people ACCESS EXCLUSIVE"
	for _, s := range []scenario{
		{name: "new table", up: "CREATE TABLE toys (id bigserial PRIMARY KEY, name text NOT NULL);\nCREATE INDEX ON toys (name);"},
		{name: "nullable column", up: "ALTER TABLE people ADD COLUMN town text;", locks: exclusive},
		{name: "constant default", up: "ALTER TABLE people ADD COLUMN town text NOT NULL DEFAULT 'Ulm';", locks: exclusive},
		{name: "volatile default", up: "ALTER TABLE people ADD COLUMN code uuid DEFAULT gen_random_uuid();", findings: "!rewrite people", locks: exclusive},
		{name: "serial column", up: "ALTER TABLE people ADD COLUMN number serial;", findings: "!rewrite people", locks: exclusive},
		{name: "generated column", up: "ALTER TABLE people ADD COLUMN twice integer GENERATED ALWAYS AS (age * 2) STORED;", findings: "!rewrite people", locks: exclusive},
		{name: "not null without default", up: "ALTER TABLE people ADD COLUMN town text NOT NULL;", findings: "!fails-on-rows people, !scan people", locks: exclusive},
		{name: "set not null", up: "ALTER TABLE people ALTER COLUMN nick SET NOT NULL;", findings: "!depends-on-rows people, !scan people", locks: exclusive},
		{
			name: "set not null after a check", locks: exclusive + ", " + exclusive + ", people SHARE UPDATE EXCLUSIVE",
			findings: "!older-build people, depends-on-rows people, older-build people, scan people",
			up: "-- +goose NO TRANSACTION\nALTER TABLE people ADD CONSTRAINT has_nick CHECK (nick IS NOT NULL) NOT VALID;\n" +
				"ALTER TABLE people VALIDATE CONSTRAINT has_nick;\nALTER TABLE people ALTER COLUMN nick SET NOT NULL;",
		},
		{name: "type", up: "ALTER TABLE people ALTER COLUMN age TYPE bigint;", findings: "!older-build people, !rewrite people", locks: exclusive},
		{name: "wider type", up: "ALTER TABLE pets ALTER COLUMN name TYPE varchar(20);", findings: "!older-build pets", locks: "pets ACCESS EXCLUSIVE"},
		{name: "collation", up: `DROP VIEW names; ALTER TABLE people ALTER COLUMN name TYPE text COLLATE "C";`, findings: "!index-build people, !older-build, !older-build people", locks: exclusive},
		{name: "index", up: "CREATE INDEX ON people (age);", findings: "!index-build people", locks: "people SHARE"},
		{name: "unique index", up: "CREATE UNIQUE INDEX ON people (age);", findings: "!depends-on-rows people, !index-build people", locks: "people SHARE"},
		{name: "concurrently", up: "-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY people_age_idx ON people (age);"},
		{name: "index outside a transaction", up: "-- +goose NO TRANSACTION\nCREATE INDEX people_age_idx ON people (age);", findings: "!index-build people", locks: "people SHARE"},
		{name: "concurrently in a transaction", up: "CREATE INDEX CONCURRENTLY ON people (age);", findings: "!failure", fails: true},
		{name: "primary key", up: "ALTER TABLE people DROP CONSTRAINT people_pkey CASCADE;\nALTER TABLE people ADD PRIMARY KEY (id);", findings: "!depends-on-rows people, !index-build people, older-build people", locks: exclusive + ", pets ACCESS EXCLUSIVE"},
		{name: "check", up: "ALTER TABLE people ADD CONSTRAINT young CHECK (age < 150);", findings: "!depends-on-rows people, !scan people, older-build people", locks: exclusive},
		{name: "check, not valid", up: "ALTER TABLE people ADD CONSTRAINT young CHECK (age < 150) NOT VALID;", findings: "older-build people", locks: exclusive},
		{name: "check, validated under the lock", up: "ALTER TABLE people ADD CONSTRAINT young CHECK (age < 150) NOT VALID;\nALTER TABLE people VALIDATE CONSTRAINT young;", findings: "!scan people, depends-on-rows people, older-build people", locks: exclusive},
		{name: "foreign key", up: "ALTER TABLE people ADD CONSTRAINT pet_fkey FOREIGN KEY (age) REFERENCES pets (id);", findings: "!depends-on-rows people, !scan people, older-build people", locks: "people SHARE ROW EXCLUSIVE, pets SHARE ROW EXCLUSIVE"},
		{name: "foreign key of a new table", up: "CREATE TABLE toys (id integer PRIMARY KEY, pet_id integer REFERENCES pets (id));", locks: "pets SHARE ROW EXCLUSIVE"},
		{name: "drop column", up: "ALTER TABLE people DROP COLUMN nick;", findings: "!loss people", locks: exclusive},
		{name: "rename column", up: "ALTER TABLE people RENAME COLUMN nick TO alias;", findings: "!older-build people", locks: exclusive},
		{name: "drop table", up: "DROP TABLE pets;", findings: "!loss pets", locks: exclusive + ", pets ACCESS EXCLUSIVE"},
		{name: "rename table", up: "ALTER TABLE pets RENAME TO animals;", findings: "!older-build pets", locks: "pets ACCESS EXCLUSIVE"},
		{name: "drop view", up: "DROP VIEW names;", findings: "!older-build"},
		{name: "drop index", up: "DROP INDEX people_name_idx;", findings: "older-build people", locks: exclusive},
		{name: "update", up: "UPDATE people SET nick = name;", findings: "!rewrite people", locks: "people ROW EXCLUSIVE"},
		{name: "update one", up: "UPDATE people SET nick = name WHERE id = 7;", locks: "people ROW EXCLUSIVE"},
		{name: "insert from select", up: "CREATE TABLE toys (name text);\nINSERT INTO toys SELECT name FROM people;", findings: "scan people"},
		{name: "truncate", up: "TRUNCATE pets;", findings: "!loss pets", locks: "pets ACCESS EXCLUSIVE"},
		{name: "unlogged", up: "ALTER TABLE pets SET UNLOGGED;", findings: "!rewrite pets", locks: "pets ACCESS EXCLUSIVE"},
		{name: "error", up: "ALTER TABLE nowhere ADD COLUMN x text;", findings: "!failure", fails: true},
		{
			name: "rebuild", locks: exclusive + ", pets ACCESS EXCLUSIVE", findings: "!loss people, !older-build, !rebuild people, loss people, scan people",
			up: "DROP VIEW names;\nCREATE TABLE others (id integer, name text NOT NULL, nick text);\nINSERT INTO others SELECT id, name, nick FROM people;\n" +
				"DROP TABLE people CASCADE;\nALTER TABLE others RENAME TO people;",
		},
		{name: "down", up: "ALTER TABLE people ADD COLUMN town text;", down: "ALTER TABLE people DROP COLUMN town;", findings: "irreversible", locks: exclusive},
		{name: "wrong down", up: "ALTER TABLE people ADD COLUMN town text;", down: "ALTER TABLE people DROP COLUMN age;", findings: "!irreversible, irreversible", locks: exclusive},
		{name: "failing down", up: "ALTER TABLE people ADD COLUMN town text;", down: "DROP TABLE nowhere;", findings: "!irreversible", locks: exclusive},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, "postgres")
		})
	}
}

// TestSQLiteFindings has a statement of each kind.
func TestSQLiteFindings(t *testing.T) {
	t.Parallel()
	const others = "CREATE TABLE others (id integer PRIMARY KEY, name text NOT NULL, nick text, age integer);\nINSERT INTO others SELECT id, name, nick, age FROM people;\n"
	const again = "\nCREATE INDEX people_name_idx ON people (name);\n-- +goose StatementBegin\nCREATE TRIGGER noticed AFTER INSERT ON people BEGIN UPDATE people SET nick = new.name WHERE id = new.id; END;\n-- +goose StatementEnd\nCREATE VIEW names AS SELECT name FROM people;"
	for _, s := range []scenario{
		{name: "new table", up: "CREATE TABLE toys (id integer PRIMARY KEY, name text NOT NULL);\nCREATE INDEX toys_name ON toys (name);"},
		{name: "nullable column", up: "ALTER TABLE people ADD COLUMN town text;"},
		{name: "constant default", up: "ALTER TABLE people ADD COLUMN town text NOT NULL DEFAULT 'Ulm (Donau)';"},
		{name: "not null without default", up: "ALTER TABLE people ADD COLUMN town text NOT NULL;", findings: "!fails-on-rows people"},
		{name: "default now", up: "ALTER TABLE people ADD COLUMN since text DEFAULT CURRENT_TIMESTAMP;", findings: "!fails-on-rows people"},
		{name: "default of an expression", up: "ALTER TABLE people ADD COLUMN code text DEFAULT (hex(randomblob(8)));", findings: "!fails-on-rows people"},
		{name: "index", up: "CREATE INDEX people_age ON people (age);", findings: "index-build people"},
		{name: "unique index", up: "CREATE UNIQUE INDEX people_age ON people (age);", findings: "!depends-on-rows people, index-build people"},
		{name: "drop column", up: "ALTER TABLE people DROP COLUMN age;", findings: "!loss people"},
		{name: "rename column", up: "ALTER TABLE people RENAME COLUMN nick TO alias;", findings: "!older-build people"},
		{name: "drop table", up: "DROP TABLE pets;", findings: "!loss pets"},
		{name: "rename table", up: "ALTER TABLE pets RENAME TO animals;", findings: "!older-build pets"},
		{name: "drop view", up: "DROP VIEW names;", findings: "!older-build"},
		{name: "drop index", up: "DROP INDEX people_name_idx;", findings: "older-build people"},
		{name: "update", up: "UPDATE people SET nick = name;", findings: "!rewrite people"},
		{name: "update one", up: "UPDATE people SET nick = name WHERE id = 7;"},
		{name: "delete", up: "DELETE FROM pets WHERE name IS NULL OR name < owner_id;", findings: "!rewrite pets"},
		{name: "insert from select", up: "CREATE TABLE toys (name text);\nINSERT INTO toys SELECT name FROM people;", findings: "scan people"},
		{name: "error", up: "ALTER TABLE nowhere ADD COLUMN x text;", findings: "!failure", fails: true},
		{name: "vacuum", up: "VACUUM;", findings: "!failure", fails: true},
		{name: "rebuild", up: "DROP VIEW names;\n" + others + "DROP TABLE people;\nALTER TABLE others RENAME TO people;" + again, findings: "!rebuild people, scan people"},
		{
			name: "rebuild that loses", findings: "!loss people, !older-build, !rebuild people, scan people",
			up: "DROP VIEW names;\n" + others + "DROP TABLE people;\nALTER TABLE others RENAME TO people;",
		},
		{
			name: "rebuild that changes columns", findings: "!loss people, !older-build people, !rebuild people, older-build people, scan people",
			up: "DROP VIEW names;\nCREATE TABLE others (id integer PRIMARY KEY, name text NOT NULL, nick blob, town text NOT NULL, CHECK (nick <> name));\n" +
				"INSERT INTO others SELECT id, name, nick, 'Ulm' FROM people;\nDROP TABLE people;\nALTER TABLE others RENAME TO people;" + again,
		},
		{
			name: "rebuild that renames first", findings: "!loss, !rebuild people",
			up: "DROP VIEW names; ALTER TABLE people RENAME TO former;\nCREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL, nick text, age integer);\n" +
				"INSERT INTO people SELECT * FROM former;\nDROP TABLE former;" + again,
		},
		{name: "down", up: "ALTER TABLE people ADD COLUMN town text;", down: "ALTER TABLE people DROP COLUMN town;", findings: "irreversible"},
		{name: "wrong down", up: "ALTER TABLE people ADD COLUMN town text;", down: "ALTER TABLE people DROP COLUMN age;", findings: "!irreversible, irreversible"},
		{name: "failing down", up: "ALTER TABLE people ADD COLUMN town text;", down: "DROP TABLE nowhere;", findings: "!irreversible"},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, "sqlite")
		})
	}
}

// TestNoDown has a migration that can't be undone.
func TestNoDown(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"sqlite", "postgres"} {
		report := run(t, dialect, "-- +goose Up\nALTER TABLE people ADD COLUMN town text;\n")
		if got := found(report); !slices.Equal(got, []string{"!irreversible"}) {
			t.Errorf("%s: %q", dialect, got)
		}
	}
}

// TestPromisesToOlderCode: what a migration declares about older builds is in the report, and a promise that what it does may
// break is found.
func TestPromisesToOlderCode(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]bool{
		"ALTER TABLE people ADD COLUMN town text":        false,
		"CREATE INDEX people_age ON people (age)":        false,
		"UPDATE people SET nick = name":                  false,
		"ALTER TABLE people DROP COLUMN age":             true,
		"ALTER TABLE people RENAME COLUMN nick TO alias": true,
		"DROP TABLE pets":                                true,
		"DROP VIEW names":                                true,
	} {
		for declared, older := range map[string]int64{"-- older code from: 1\n": 1, "": 2} {
			report := run(t, "sqlite", declared+"-- +goose Up\n"+statement+";\n-- +goose Down\nSELECT 1;\n")
			m := report.Migrations[0]
			promised := slices.ContainsFunc(m.Findings, func(f trial.Finding) bool {
				return f.Kind == trial.OlderBuild && f.Danger && strings.Contains(f.Instead, "older code from")
			})
			if m.OlderCode != older || promised != (want && older < 2) {
				t.Errorf("%q, %s: older code %d, found: %t; %+v", declared, statement, m.OlderCode, promised, m.Findings)
			}
		}
	}
}
