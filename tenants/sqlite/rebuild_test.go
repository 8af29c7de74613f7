package sqlite_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
)

// TestMigrationsMayRebuildTables runs a migration that drops a table and makes it again. The rows that refer to it
// stay, though they go with the rows that they refer to.
func TestMigrationsMayRebuildTables(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"00001_init.sql": {Data: []byte(`-- +goose Up
		CREATE TABLE parents (id integer PRIMARY KEY);
		CREATE TABLE children (id integer PRIMARY KEY, parent_id integer REFERENCES parents (id) ON DELETE CASCADE);`)}}
	schema := tenants.Schema{Migrations: map[string]fs.FS{"sqlite": files}}
	engine, dir := newEngine(t, schema)
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	_, err = conns.Write.Exec("INSERT INTO parents VALUES (1)")
	must(t, err)
	_, err = conns.Write.Exec("INSERT INTO children VALUES (1, 1)")
	must(t, err)
	must(t, conns.Close())
	files["00002_rebuild.sql"] = &fstest.MapFile{Data: []byte(`-- +goose Up
		CREATE TABLE parents_new (id integer PRIMARY KEY, name text);
		INSERT INTO parents_new (id) SELECT id FROM parents;
		DROP TABLE parents;
		ALTER TABLE parents_new RENAME TO parents;`)}
	newer := openEngine(t, dir, schema)
	_, err = newer.Migrate(t.Context(), tenant)
	must(t, err)
	conns, err = newer.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	var children int
	must(t, conns.Read.QueryRow("SELECT count(*) FROM children").Scan(&children))
	if children != 1 {
		t.Errorf("%d children are left, want 1", children)
	}
}
