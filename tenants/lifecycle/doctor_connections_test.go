package lifecycle_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestDoctorAdvisesOnConnections: what processes wanted beyond what they may have is advice and nothing wrong.
func TestDoctorAdvisesOnConnections(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Engine: tenantstest.Postgres, InstanceTTL: time.Hour})
	for peak, want := range map[int]bool{14: false, 15: true} {
		if err := env.Store.Process().Announce(t.Context(), "localhost:1"); err != nil {
			t.Fatal(err)
		}
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.ConnectionShare{}).Where("true").Update("peak", peak).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		found := examine(t, env, env.Keys, false)
		advice, given := found[tenants.DefaultServer]
		if given != want || given && (advice.Kind != lifecycle.ConnectionsScarce || !advice.Advice || advice.IsOpen()) {
			t.Errorf("%d connections of 14 were wanted: %+v", peak, found)
		}
	}
}
