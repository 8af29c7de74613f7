package models_test

import (
	"testing"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestEmailIsComparedByItsBytes on Postgres, regardless of the database's
// locale.
func TestEmailIsComparedByItsBytes(t *testing.T) {
	t.Parallel()
	db := tenantstest.Migrated(t, tenantstest.Postgres, models.Workspace())
	var collations []string
	err := db.Raw(`SELECT attcollation::regcollation::text FROM pg_attribute WHERE attrelid::regclass::text = 'users' AND attname = 'email'`).
		Scan(&collations).Error
	if err != nil || len(collations) != 1 || collations[0] != `"C"` {
		t.Errorf("the collation is %q, %v", collations, err)
	}
}
