package models_test

import (
	"testing"

	"tenantry/models"
	"tenantry/tenants"
)

// TestTextIsComparedByItsBytes: on Postgres, whatever the database's locale, the
// master's text and the addresses of users are. A column added to the master says
// COLLATE "C".
func TestTextIsComparedByItsBytes(t *testing.T) {
	t.Parallel()
	const others = `SELECT c.relname || '.' || attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
		AND atttypid = 'text'::regtype AND attcollation <> '"C"'::regcollation`
	e := postgresEngine()
	if columns := rows(t, migrated(t, e, tenants.MasterSchema()).sql, others); len(columns) > 0 {
		t.Errorf("the database's locale decides on the master's %q", columns)
	}
	if columns := rows(t, migrated(t, e, models.Workspace()).sql, others+" AND attname = 'email'"); len(columns) > 0 {
		t.Errorf("the database's locale decides on a tenant's %q", columns)
	}
}
