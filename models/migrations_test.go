package models_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"

	"github.com/jackc/pgx/v5/stdlib"
)

func TestDialectsHaveTheSameMigrations(t *testing.T) {
	t.Parallel()
	for name, schema := range schemas() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lite, post := sources(t, sqliteEngine(), schema), sources(t, postgresEngine(), schema)
			if len(lite) == 0 || !slices.Equal(lite, post) {
				t.Errorf("SQLite has the migrations %q, Postgres %q", lite, post)
			}
			if len(schema.Migrations) != 2 {
				t.Errorf("there are migrations for %d dialects", len(schema.Migrations))
			}
		})
	}
}

// sources lists the versions and files of the migrations that goose finds. It
// asks no database, so that one of SQLite will do.
func sources(t testing.TB, e engine, schema tenants.Schema) []string {
	t.Helper()
	var all []string
	for _, source := range provider(t, e, openSQLite(t), schema.Migrations[e.dialect]).ListSources() {
		all = append(all, fmt.Sprintf("%d %s", source.Version, source.Path))
	}
	return all
}

func TestDownThenUpGivesTheSameSchema(t *testing.T) {
	t.Parallel()
	eachSchema(t, func(t *testing.T, e engine, schema tenants.Schema) {
		db := e.open(t)
		migrations := provider(t, e, db, schema.Migrations[e.dialect])
		up(t, migrations)
		first := e.inspect(t, db)
		if _, err := migrations.DownTo(t.Context(), 0); err != nil {
			t.Fatalf("migrate down: %v", err)
		}
		if left := e.inspect(t, db); len(left) > 0 {
			t.Errorf("down left %q", slices.Sorted(maps.Keys(left)))
		}
		up(t, migrations)
		if lines := drift(first, e.inspect(t, db)); lines != nil {
			t.Errorf("the second up made another schema than the first:\n%s", strings.Join(lines, "\n"))
		}
	})
}

// TestMasterTellsOfEveryChange makes changes by plain SQL, as an operator may,
// and waits for the ids of the changed tenants.
func TestMasterTellsOfEveryChange(t *testing.T) {
	t.Parallel()
	db := migrated(t, postgresEngine(), tenants.MasterSchema())
	next := listen(t, db, "tenantry_tenants")
	insert := `INSERT INTO tenants
		SELECT id, id, '', 'active', 'local', id, 1, 0, 'operator', now(), now() FROM unnest(string_to_array('a b', ' ')) id`
	for _, step := range []struct {
		statement string
		want      []string
	}{
		{insert, []string{"a", "b"}},
		{"UPDATE tenants SET state = 'suspended' WHERE id = 'b'", []string{"b"}},
		{"BEGIN; DELETE FROM tenants; ROLLBACK", nil},
		{"UPDATE tenants SET epoch = epoch + 1", []string{"a", "b"}},
		{"UPDATE tenants SET id = 'c' WHERE id = 'b'", []string{"b", "c"}},
		{"DELETE FROM tenants WHERE id = 'c'", []string{"c"}},
		{"UPDATE tenants SET name = name", []string{"a"}},
		{"INSERT INTO domains VALUES ('a', 'a.example', 'x', NULL, false, now())", []string{"a"}},
		{"UPDATE domains SET verified_at = now()", []string{"a"}},
		{"DELETE FROM domains", []string{"a"}},
		{"INSERT INTO retired_subdomains VALUES ('old', 'z', NULL, now())", []string{"z"}},
		{"DELETE FROM retired_subdomains", []string{"z"}},
	} {
		if _, err := db.sql.ExecContext(t.Context(), step.statement); err != nil {
			t.Fatalf("%s: %v", step.statement, err)
		}
		for _, want := range step.want {
			if got := next(); got != want {
				t.Fatalf("%s told of tenant %q, want %q", step.statement, got, want)
			}
		}
	}
}

// TestMasterCountsChanges makes changes of everything that processes keep in
// memory, and of what they don't.
func TestMasterCountsChanges(t *testing.T) {
	t.Parallel()
	db := migrated(t, sqliteEngine(), tenants.MasterSchema())
	count := func() string { return rows(t, db.sql, "SELECT count FROM registry_changes")[0][0] }
	for i, statement := range []string{
		`INSERT INTO tenants (id, subdomain, name, state, server, database, schema_version, epoch, created_by, created_at, updated_at)
			VALUES ('a', 'a', '', 'active', 'local', 'a', 1, 0, 'operator', 0, 0)`,
		"UPDATE tenants SET epoch = epoch + 1",
		"INSERT INTO domains VALUES ('a', 'a.example', 'x', NULL, false, 0)",
		"UPDATE domains SET verified_at = 1",
		"DELETE FROM domains",
		"INSERT INTO retired_subdomains VALUES ('old', 'z', NULL, 0)",
		"UPDATE retired_subdomains SET redirect_until = 1",
		"DELETE FROM retired_subdomains",
		"DELETE FROM tenants",
	} {
		if _, err := db.sql.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if got, want := count(), fmt.Sprint(i+1); got != want {
			t.Errorf("%s counts to %s, want %s", statement, got, want)
		}
	}
	if _, err := db.sql.ExecContext(t.Context(), "INSERT INTO instances (id, name, started_at, expires_at) VALUES (printf('%026d', 1), 'x', 0, 0)"); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != "9" {
		t.Errorf("a heartbeat counts to %s", got)
	}
}

// listen returns a function that waits for the next notification's payload.
func listen(t *testing.T, db database, channel string) func() string {
	t.Helper()
	conn, err := db.sql.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.ExecContext(t.Context(), "LISTEN "+channel); err != nil {
		t.Fatal(err)
	}
	return func() (payload string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		err := conn.Raw(func(driver any) error {
			notification, err := driver.(*stdlib.Conn).Conn().WaitForNotification(ctx)
			if err == nil {
				payload = notification.Payload
			}
			return err
		})
		if err != nil {
			t.Fatalf("wait for a notification: %v", err)
		}
		return payload
	}
}
