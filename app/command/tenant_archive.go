package command

import (
	"tenantry/app"
	"tenantry/tenants"
)

type archiveCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`

	consent
}

// Help is shown with the flags.
func (archiveCommand) Help() string {
	return `The tenant's host answers 404, like any unknown host. The data stays, is migrated with that of the others, and is served again after "tenantry tenant restore". Requests under way are finished, as with suspend.

Examples:

    tenantry tenant archive acme
    tenantry tenant archive acme --yes
    tenantry tenant restore acme`
}

// Run archives the tenant.
func (r *archiveCommand) Run(c *Call) error {
	if err := r.ask(c, r.Subdomain+" will answer 404.", r.Subdomain); err != nil {
		return err
	}
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Archive(c.ctx, a.By(), r.Subdomain)
	})
}
