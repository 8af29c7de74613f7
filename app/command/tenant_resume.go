package command

import (
	"tenantry/app"
	"tenantry/tenants"
)

type resumeCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (resumeCommand) Help() string {
	return `Undoes suspend, in every server within a second.

Examples:

    tenantry tenant resume acme`
}

// Run resumes the tenant.
func (r *resumeCommand) Run(c *Call) error {
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Resume(c.ctx, a.By(), r.Subdomain)
	})
}
