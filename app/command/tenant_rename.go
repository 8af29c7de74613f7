package command

import (
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

type renameCommand struct {
	Subdomain    string `arg:"" help:"The tenant's subdomain."`
	New          string `arg:"" help:"The new subdomain."`
	RedirectDays int    `placeholder:"DAYS" help:"Redirect the old subdomain to the new one for this many days; by default it answers 404 at once."`
}

// Help is shown with the flags.
func (renameCommand) Help() string {
	return `The tenant answers 503 until the requests under way are finished. Its people sign in again, since their cookies belong to the old host; API tokens stay valid. No other tenant gets the old subdomain for 30 days, or as long as it redirects.

Examples:

    tenantry tenant rename acme acme-joinery
    tenantry tenant rename acme acme-joinery --redirect-days 90`
}

// Run renames the tenant.
func (r *renameCommand) Run(c *Call) error {
	if r.RedirectDays < 0 {
		return fmt.Errorf("%w: --redirect-days is %d: want 0 or more", errUsage, r.RedirectDays)
	}
	return c.change(r.Subdomain, func(a *app.App) (*tenants.Tenant, error) {
		return a.Manager().Rename(c.ctx, a.By(), r.Subdomain, lifecycle.Rename{To: r.New, RedirectDays: r.RedirectDays})
	})
}
