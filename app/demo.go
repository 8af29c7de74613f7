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

// demoTenant is a demo tenant with the way in. It is never logged.
type demoTenant struct {
	seed.Result
	email, password string
}

// hint tells how to sign in.
func (t demoTenant) hint(out *output, url string) {
	if t.Outcome == seed.Skipped {
		out.hint("%s: left alone, %s", t.Subdomain, t.Reason)
		return
	}
	out.hint("%s: %s, sign in as %s with the password %s", t.Name, url, t.email, t.password)
}

// openDemo makes the demo tenants that are missing, and lets an admin in to
// each that the seed made.
func (a *App) openDemo(c *command) ([]demoTenant, error) {
	results, err := a.seed(c, nil)
	if err != nil {
		return nil, err
	}
	var demo []demoTenant
	for _, result := range results {
		t := demoTenant{Result: result}
		if result.Outcome != seed.Skipped {
			if err := a.letDemoIn(c.ctx, &t); err != nil {
				return nil, fmt.Errorf("set a password in demo tenant %q: %w", t.Subdomain, err)
			}
		}
		demo = append(demo, t)
	}
	a.opened = demo
	return demo, nil
}

// shownDemo are the demo tenants with the way in, for all to see at the base
// domain: they are there to be looked at.
func (a *App) shownDemo(origin func(name string) string) []pages.Demo {
	var shown []pages.Demo
	for _, t := range a.opened {
		if t.Outcome != seed.Skipped {
			shown = append(shown, pages.Demo{Name: t.Name, URL: origin(t.Subdomain), Email: t.email, Password: t.password})
		}
	}
	return shown
}

// letDemoIn gives the tenant's first admin a password.
func (a *App) letDemoIn(ctx context.Context, d *demoTenant) error {
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
	d.email, d.password = admin.Email, cmp.Or(string(a.demo), strings.ToLower(rand.Text()))
	return a.manager.LetIn(ctx, a.settings.by, tenants.KindAdmin, t.ID, d.email, func(ctx context.Context, t *tenants.Tenant) error {
		return a.accounts(a.settings.addr).SetPassword(ctx, t, d.email, d.password)
	})
}
