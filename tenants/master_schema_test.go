package tenants_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestMasterSchema: only SQL uses the table registry_changes, and package jobs has the model of jobs.
func TestMasterSchema(t *testing.T) {
	t.Parallel()
	tenantstest.CheckSchema(t, tenants.MasterSchema(), tenantstest.SchemaOptions{WithoutModel: []string{"registry_changes", "jobs"}})
}

// TestMasterComparesTextByItsBytes on Postgres, whatever the database's locale: a
// text column that is added to the master says COLLATE "C".
func TestMasterComparesTextByItsBytes(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.Postgres, tenants.MasterSchema())
	var others []string
	must(t, db.Raw(`SELECT c.relname || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
		AND atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation`).Scan(&others).Error)
	if len(others) > 0 {
		t.Errorf("the database's locale decides on %q", others)
	}
}

// TestMasterBackupIsWhole on Postgres: what a backup of the master leaves out is in no reference of a table that it has, so
// that the rest can be recovered.
func TestMasterBackupIsWhole(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.Postgres, tenants.MasterSchema())
	var broken []string
	left := tenants.MasterSchema().NotCloned
	must(t, db.Raw(`SELECT c.relname || ' references ' || r.relname FROM pg_constraint JOIN pg_class c ON c.oid = conrelid JOIN pg_class r ON r.oid = confrelid
		WHERE contype = 'f' AND r.relname IN ? AND c.relname NOT IN ?`, left, left).Scan(&broken).Error)
	if len(broken) > 0 {
		t.Errorf("%q: add the first to NotCloned of the master's schema", broken)
	}
}

// TestMasterTellsOfEveryChange makes changes by plain SQL, as an operator may,
// and waits for the ids of the changed tenants.
func TestMasterTellsOfEveryChange(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.Postgres, tenants.MasterSchema())
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
		if err := db.Exec(step.statement).Error; err != nil {
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
	db := tenantstest.Migrated(t, tenantstest.SQLite, tenants.MasterSchema())
	count := func() (n int) {
		if err := db.Raw("SELECT count FROM registry_changes").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	counted := []string{
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
	}
	for i, statement := range counted {
		if err := db.Exec(statement).Error; err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		if got := count(); got != i+1 {
			t.Errorf("%s counts to %d, want %d", statement, got, i+1)
		}
	}
	if err := db.Exec("INSERT INTO instances (id, name, started_at, expires_at) VALUES (printf('%026d', 1), 'x', 0, 0)").Error; err != nil {
		t.Fatal(err)
	}
	if got := count(); got != len(counted) {
		t.Errorf("a heartbeat counts to %d", got)
	}
}

// listen returns a function that waits for the next notification's payload.
func listen(t *testing.T, db *gorm.DB, channel string) func() string {
	t.Helper()
	pool, err := db.DB()
	must(t, err)
	conn, err := pool.Conn(t.Context())
	must(t, err)
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
