package command

import (
	"tenantry/app"
	"tenantry/tenants"
)

type restoreCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain; for a purged tenant its former subdomain or its id."`
}

// Help is shown with the flags.
func (restoreCommand) Help() string {
	return `Brings back an archived tenant, or a purged one until its data is removed: see "remove_after" in "tenantry tenant show". A purged one comes back without its domains; the command names them, and "tenantry tenant domain add" brings each back.

Examples:

    tenantry tenant restore acme`
}

// Run restores the tenant.
func (r *restoreCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		before, err := c.tenant(a, r.Subdomain)
		if err != nil {
			return err
		}
		t, err := a.Manager().Restore(c.ctx, a.By(), r.Subdomain)
		if err := c.tellState(t, err, r.Subdomain); err != nil || before.State != tenants.StatePurged {
			return err
		}
		return c.tellLost(a, t)
	})
}

// tellLost writes which domains the purge of a restored tenant removed.
func (c *Call) tellLost(a *app.App, t *tenants.Tenant) error {
	hosts, err := a.Manager().LostDomains(c.ctx, t)
	for _, host := range hosts {
		c.out.Hint("the purge removed the domain %s; add it again with: tenantry tenant domain add %s %s", host, t.Subdomain, host)
	}
	return err
}
