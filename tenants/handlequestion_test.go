package tenants_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestHandlesOfAllProcesses lists the handles of two processes, closes the idle ones of a tenant in both, and leaves those in
// use open with their scopes unharmed. A process that doesn't answer is named. No question is left in the master.
func TestHandlesOfAllProcesses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, Rest: time.Hour}, func(t *testing.T, one *tenantstest.Env) {
		acme, globex := one.Tenant(t, "acme"), one.Tenant(t, "globex")
		two := tenantstest.Join(t, one.Address(t), tenantstest.Options{Rest: time.Hour})
		nothing := func(*gorm.DB) error { return nil }
		open := func(all ...*tenantstest.Env) {
			t.Helper()
			for _, env := range all {
				must(t, env.Store.View(t.Context(), acme, nothing))
			}
		}
		search := tenants.HandleSearch{TenantID: acme.ID, Order: tenants.BusiestFirst, Limit: 10}
		leases := func() (leases []int) {
			t.Helper()
			found, err := one.Store.HandlesEverywhere(t.Context(), search)
			must(t, err)
			for _, h := range found.Handles {
				if h.TenantID != acme.ID || h.Subdomain != "acme" || h.Server != acme.Server || h.Process == "" || h.OpenedAt.IsZero() || h.IdleSince.IsZero() != (h.Leases > 0) {
					t.Errorf("%+v", h)
				}
				leases = append(leases, h.Leases)
			}
			if found.Open != len(leases) || len(found.Silent) != 0 {
				t.Errorf("open: %d, silent: %q", found.Open, found.Silent)
			}
			return leases
		}
		open(one, two)
		must(t, one.Store.View(t.Context(), globex, nothing))
		if found, err := two.Store.HandlesEverywhere(t.Context(), tenants.HandleSearch{Order: tenants.IdleFirst, Limit: 1}); err != nil || len(found.Handles) != 1 || found.Open != 3 {
			t.Errorf("%+v, %v", found, err)
		}
		must(t, two.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
			if got := leases(); !slices.Equal(got, []int{1, 0}) {
				t.Errorf("leases: %v", got)
			}
			closed, err := one.Store.CloseIdleEverywhere(t.Context(), acme.ID)
			var leased *tenants.LeasedError
			if !errors.As(err, &leased) || leased.Leases != 1 || len(leased.Processes) != 1 || len(closed) != 1 {
				t.Errorf("closed in %q: %v", closed, err)
			}
			if got := leases(); !slices.Equal(got, []int{1}) {
				t.Errorf("leases: %v", got)
			}
			return tx.Create(&notes.Folder{Name: "kept"}).Error
		}))
		open(one)
		if closed, err := one.Store.CloseIdleEverywhere(t.Context(), acme.ID); err != nil || len(closed) != 2 {
			t.Errorf("closed in %q: %v", closed, err)
		}
		if got := leases(); len(got) != 0 {
			t.Errorf("leases: %v", got)
		}
		if _, err := one.Store.CloseIdleEverywhere(t.Context(), acme.ID); !errors.Is(err, tenants.ErrNoHandle) {
			t.Errorf("closed: %v", err)
		}
		must(t, one.Store.View(t.Context(), acme, func(tx *gorm.DB) error { return tx.Take(&notes.Folder{}, "name = ?", "kept").Error }))

		now := time.Now().UTC()
		must(t, one.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return errors.Join(
				tx.Create(&tenants.Instance{ID: "00000000000000000000000000", Name: "stopped", StartedAt: now, ExpiresAt: now.Add(time.Hour)}).Error,
				tx.Create(&tenants.HandleQuestion{ID: "00000000000000000000000000", Sort: tenants.IdleFirst, Most: 1, AskedAt: now.Add(-time.Hour)}).Error,
			)
		}))
		found, err := one.Store.HandlesEverywhere(t.Context(), search)
		if err != nil || !slices.Equal(found.Silent, []string{"stopped"}) {
			t.Errorf("silent: %q, %v", found.Silent, err)
		}
		var left int64
		must(t, one.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
			return tx.Raw("SELECT (SELECT count(*) FROM handle_questions) + (SELECT count(*) FROM handle_answers)").Scan(&left).Error
		}))
		if left != 0 {
			t.Errorf("%d questions and answers are left", left)
		}
	})
}
