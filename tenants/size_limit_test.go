package tenants_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestAChangedSizeLimitBoundsRunningScopes: on SQLite a scope can't exceed the limit by much, and a limit that
// changes while the database is open counts for the next scope.
func TestAChangedSizeLimitBoundsRunningScopes(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	write := func(n int) error {
		return env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			for i := range n {
				if err := tx.Create(&notes.Folder{Name: fmt.Sprint(i), Remark: strings.Repeat("x", 100_000)}).Error; err != nil {
					return err
				}
			}
			return tx.Where("true").Delete(&notes.Folder{}).Error
		})
	}
	for _, step := range []struct {
		limit   int64
		folders int
		full    bool
	}{{0, 1, false}, {2_000_000, 30, true}, {10_000_000, 1, false}, {1_500_000, 30, true}, {tenants.NoLimit, 30, false}} {
		changed, err := env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{tenants.LimitSize: step.limit})
		if err != nil {
			t.Fatal(err)
		}
		tenant = changed
		if err := write(step.folders); errors.Is(err, tenants.ErrTenantFull) != step.full || !step.full && err != nil {
			t.Errorf("%+v: %v", step, err)
		}
	}
}
