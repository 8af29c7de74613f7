package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

// TestMasterRunsAgainWhatOthersGotInTheWayOf stores what the last run did, and
// nothing of those before.
func TestMasterRunsAgainWhatOthersGotInTheWayOf(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true}, func(t *testing.T, env *tenantstest.Env) {
		runs := 0
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			runs++
			name := fmt.Sprintf("run-%d", runs)
			err := tx.Create(&tenants.RetiredSubdomain{Subdomain: name, TenantID: name}).Error
			if runs < 3 {
				return errors.Join(err, tenants.ErrRetryable)
			}
			return err
		})
		var stored []string
		look := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.RetiredSubdomain{}).Pluck("subdomain", &stored).Error
		})
		if err != nil || look != nil || runs != 3 || len(stored) != 1 || stored[0] != "run-3" {
			t.Errorf("%d runs, stored %q, %v, %v", runs, stored, err, look)
		}
	})
}

func TestMasterGivesUp(t *testing.T) {
	t.Parallel()
	master := tenantstest.New(t, tenantstest.Options{}).Store.Master()
	other := errors.New("something else")
	for name, test := range map[string]struct {
		fail error
		most int
	}{"in the way for ever": {tenants.ErrRetryable, 10}, "another error": {other, 1}} {
		runs := 0
		err := master.Update(t.Context(), func(*gorm.DB) error { runs++; return test.fail })
		if !errors.Is(err, test.fail) || runs != test.most {
			t.Errorf("%s: %d runs, %v", name, runs, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	if err := master.Update(ctx, func(*gorm.DB) error { runs++; cancel(); return tenants.ErrRetryable }); err == nil || runs != 1 {
		t.Errorf("cancelled: %d runs, %v", runs, err)
	}
}
