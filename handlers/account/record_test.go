package account_test

import (
	"testing"

	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestActivityIsBounded: what is older than the newest 100,000 goes in small
// portions, and nothing else does.
func TestActivityIsBounded(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		do := func(f func(tx *gorm.DB) error) {
			if err := env.Store.Update(t.Context(), tenant, f); err != nil {
				t.Fatal(err)
			}
		}
		const newest = 105_024 // a multiple of 64
		rows := []models.Activity{{ID: newest - 99_999}, {ID: newest}}
		for i := range 300 {
			rows = append(rows, models.Activity{ID: int64(1000 + i)})
		}
		for i := range rows {
			rows[i].Action, rows[i].SubjectID, rows[i].Summary = "task.created", 1, "x"
		}
		do(func(tx *gorm.DB) error { return tx.Create(&rows).Error })
		for _, step := range []struct{ id, left int64 }{{newest + 1, 302}, {newest, 46}, {newest, 2}, {newest, 2}, {64, 2}} {
			var n int64
			do(func(tx *gorm.DB) error { return account.TrimActivity(tx, step.id) })
			do(func(tx *gorm.DB) error {
				return tx.Model(&models.Activity{}).Where("id >= 1000").Count(&n).Error
			})
			if n != step.left {
				t.Errorf("after %d there are %d, want %d", step.id, n, step.left)
			}
		}
	})
}
