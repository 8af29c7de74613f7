package postgres_test

import (
	"slices"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestChangesOfALockedRow: a row that one transaction locks while another changes it has the number of both together, not that of
// the change. The lock is older than the snapshot.
func TestChangesOfALockedRow(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres})
	acme := env.Tenant(t, "acme")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
		return tx.Create(&notes.Folder{ID: 1, Name: "locked"}).Error
	}))
	var before tenants.Snapshot
	check(env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM folders WHERE id = 1 FOR KEY SHARE").Error; err != nil {
			return err
		}
		var err error
		if before, err = env.Engine.Rows(t.Context(), acme); err != nil {
			return err
		}
		return env.Store.Update(t.Context(), acme, func(other *gorm.DB) error {
			return other.Model(&notes.Folder{ID: 1}).Update("remark", "changed").Error
		})
	}))
	defer before.Close()
	now, err := before.Changes(t.Context())
	check(err)
	defer now.Close()
	for _, table := range now.Tables() {
		if table.Name != "folders" {
			continue
		}
		for name, read := range map[string]func(f func([]tenants.Value) error) error{
			"removed": func(f func([]tenants.Value) error) error { return now.Removed(t.Context(), table, f) },
			"added":   func(f func([]tenants.Value) error) error { return now.Added(t.Context(), table, f) },
		} {
			var ids []string
			check(read(func(row []tenants.Value) error {
				ids = append(ids, string(row[0].Bytes))
				return nil
			}))
			if !slices.Contains(ids, "1") { // others are there if another database's transactions are older than they
				t.Errorf("the ids %s are %q, want 1 among them", name, ids)
			}
		}
	}
}
