package postgres

import (
	"testing"
	"testing/fstest"
)

// TestRightsToWhatLaterMigrationsMake has a second version of the program make
// a table and a sequence, and take a right away.
func TestRightsToWhatLaterMigrationsMake(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		c := s.config
		c.Schema = ownSchema(t)
		before := newEngine(t, c)
		tenant := made(t, before)
		c.Schema.Migrations[Dialect].(fstest.MapFS)["00002_more.sql"] = &fstest.MapFile{Data: []byte(`-- +goose Up
CREATE TABLE more (id bigserial PRIMARY KEY, n int);
CREATE SEQUENCE loose;
REVOKE DELETE ON more FROM "` + s.group + `";
`)}
		after := newEngine(t, c)
		for range 2 { // the second time nothing is given back
			if _, err := after.Migrate(t.Context(), tenant); err != nil {
				t.Fatal(err)
			}
		}
		// Before the migrating process has granted rights, or if it dies before.
		change(t, after, tenant, "CREATE TABLE late (id bigserial PRIMARY KEY, n int)")
		login := s.loginOf(t, tenant)
		for statement, want := range map[string]string{
			"INSERT INTO more (n) VALUES (1)": "", "UPDATE more SET n = 2": "", "SELECT nextval('loose')": "",
			"INSERT INTO late (n) VALUES (1)": "",
			"DELETE FROM more":                "42501", "DROP TABLE more": "42501",
			"INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)": "42501",
		} {
			if err := attempt(t, login, tenant.Database, statement); stateOf(err) != want || want == "" && err != nil {
				t.Errorf("%s: %v, want %q", statement, err, want)
			}
		}
	})
}

// TestMigrateGivesRightsToWhatCameWithout has a database from before there were
// roles, with a table of another owner.
func TestMigrateGivesRightsToWhatCameWithout(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := unmade(t, e)
	if err := e.exec(t.Context(), "CREATE DATABASE %s TEMPLATE template0", tenant.Database); err != nil {
		t.Fatal(err)
	}
	if err := e.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	if err := attempt(t, e.server, tenant.Database, "CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied bool, tstamp timestamp DEFAULT now()); INSERT INTO goose_db_version VALUES (0, 0, true)"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Migrate(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	wantUsable(t, handle(t, e, tenant))
}
