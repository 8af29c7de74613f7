package command

import (
	"tenantry/app"
	"tenantry/tenants"
)

type suspendCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (suspendCommand) Help() string {
	return `Within a second every server answers 403 for the tenant. Requests under way are finished, for at most 30 seconds, and the command returns when none is left. The data stays.

Examples:

    tenantry tenant suspend acme
    tenantry tenant resume acme`
}

// Run suspends the tenant.
func (s *suspendCommand) Run(c *Call) error {
	return c.change(s.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Suspend(c.ctx, a.By(), s.Subdomain)
	})
}
