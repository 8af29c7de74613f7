package account_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestAuthenticationUsesTheIndex asks the database for its plan.
func TestAuthenticationUsesTheIndex(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	var plan []struct{ Detail string }
	err := env.Store.View(t.Context(), env.Tenant(t, "acme"), func(tx *gorm.DB) error {
		return tx.Raw("EXPLAIN QUERY PLAN "+account.BearerSQL, []byte("x"), "session", time.Now()).Scan(&plan).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan) != 2 || plan[0].Detail != "SEARCH credentials USING INDEX credentials_digest_key (digest=?)" ||
		plan[1].Detail != "SEARCH users USING INTEGER PRIMARY KEY (rowid=?)" {
		t.Errorf("the plan is %+v", plan)
	}
}
