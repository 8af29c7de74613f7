package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"tenantry/handlers/pages"
	"tenantry/models"
	"tenantry/seed"
	"tenantry/tenants"
)

// DemoTenant is a demo tenant with an admin's credentials. It is never logged.
type DemoTenant struct {
	seed.Result
	Email, Password string
}

// OpenDemo gives an admin access to each demo tenant that the seed made. The
// page at the base domain then shows the credentials.
func (a *App) OpenDemo(ctx context.Context, results []seed.Result) ([]DemoTenant, error) {
	var demo []DemoTenant
	for _, result := range results {
		t := DemoTenant{Result: result}
		if result.Outcome != seed.Skipped {
			if err := a.addDemoAdmin(ctx, &t); err != nil {
				return nil, fmt.Errorf("set a password in demo tenant %q: %w", t.Subdomain, err)
			}
		}
		demo = append(demo, t)
	}
	a.opened = demo
	return demo, nil
}

// shownDemo returns the demo tenants with their credentials, which the page at
// the base domain shows to everybody: that is their purpose.
func (a *App) shownDemo(origin func(name string) string) []pages.Demo {
	var shown []pages.Demo
	for _, t := range a.opened {
		if t.Outcome != seed.Skipped {
			shown = append(shown, pages.Demo{Name: t.Name, URL: origin(t.Subdomain), Email: t.Email, Password: t.Password})
		}
	}
	return shown
}

// addDemoAdmin sets a password for the tenant's first admin.
func (a *App) addDemoAdmin(ctx context.Context, d *DemoTenant) error {
	t, err := a.manager.Get(ctx, d.Subdomain)
	if err != nil {
		return err
	}
	var admin models.User
	err = a.store.View(ctx, t, func(tx *gorm.DB) error {
		return tx.Where("role = ?", models.RoleAdmin).Order("id").Take(&admin).Error
	})
	if err != nil {
		return fmt.Errorf("find an admin: %w", err)
	}
	d.Email, d.Password = admin.Email, cmp.Or(string(a.demo), strings.ToLower(rand.Text()))
	return a.manager.AddAdmin(ctx, a.settings.by, tenants.KindAdmin, t.ID, d.Email, func(ctx context.Context, t *tenants.Tenant) error {
		return a.accounts().SetPassword(ctx, t, d.Email, d.Password)
	})
}
