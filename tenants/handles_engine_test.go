package tenants_test

import (
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// TestCloseIdle refuses a handle in use, closes an idle one, and the next scope opens another.
func TestCloseIdle(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{OnePlacement: true, Rest: time.Hour}, func(t *testing.T, env *tenantstest.Env) {
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		only := func() tenants.Handle {
			t.Helper()
			all := env.Store.Handles(tenants.BusiestFirst, 10)
			if len(all) == 0 || all[0].TenantID != acme.ID || all[0].Subdomain != "acme" || all[0].Server != acme.Server || all[0].OpenedAt.IsZero() {
				t.Fatalf("handles %+v", all)
			}
			return all[0]
		}
		must(t, env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
			var leased *tenants.LeasedError
			if err := env.Store.CloseIdle(t.Context(), acme.ID); !errors.As(err, &leased) || leased.Leases != 1 {
				t.Errorf("in use: %v", err)
			}
			if h := only(); h.Leases != 1 || h.Connections == 0 || !h.IdleSince.IsZero() {
				t.Errorf("in use: %+v", h)
			}
			return tx.Create(&notes.Folder{Name: "kept"}).Error
		}))
		if h := only(); h.Leases != 0 || h.IdleSince.Before(h.OpenedAt) {
			t.Errorf("idle: %+v", h)
		}
		opened := env.Store.Load().Opened
		must(t, env.Store.View(t.Context(), globex, func(*gorm.DB) error { return env.Store.CloseIdle(t.Context(), acme.ID) }))
		if err := env.Store.CloseIdle(t.Context(), acme.ID); !errors.Is(err, tenants.ErrNoHandle) {
			t.Errorf("closed: %v", err)
		}
		must(t, env.Store.View(t.Context(), acme, func(tx *gorm.DB) error {
			var folder notes.Folder
			return tx.Take(&folder, "name = ?", "kept").Error
		}))
		if n := env.Store.Load().Opened - opened; n != 2 || only().Leases != 0 { // globex, and acme again
			t.Errorf("%d handles were opened", n)
		}
	})
}
