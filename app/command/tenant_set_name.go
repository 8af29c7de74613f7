package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type setNameCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Name      string `arg:"" help:"The new display name."`
}

// Help is shown with the flags.
func (setNameCommand) Help() string {
	return `The subdomain stays; see "tenantry tenant rename" for that. Pages show the new name within a second.

Examples:

    tenantry tenant set-name acme "Acme Joinery and Sons"`
}

// Run changes the tenant's display name.
func (r *setNameCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := a.Manager().SetName(c.ctx, a.By(), r.Subdomain, r.Name)
		switch {
		case errors.Is(err, lifecycle.ErrInvalidName):
			return fmt.Errorf("%w: %w", errUsage, err)
		case err != nil:
			return tenantError(err, r.Subdomain)
		case c.out.json:
			return c.out.Document(document.TenantOf(t))
		}
		return c.out.Line("tenant %s is called %s", t.Subdomain, t.Name)
	})
}
