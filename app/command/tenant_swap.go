package command

import (
	"tenantry/app"
	"tenantry/tenants/document"
)

type swapCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Other     string `arg:"" help:"The subdomain of the tenant to exchange it with."`
}

// Help is shown with the flags.
func (swapCommand) Help() string {
	return `The data of the second tenant is served at the first subdomain afterwards, and that of the first at the second. The same command takes it back. Both tenants must be active and at the same schema version; they answer 503 until the requests under way are finished.

A subdomain keeps its display name, its domains, its limits, and the former subdomains that lead to it. A database keeps its id, its server, its backups, its part of the ledger, and its people with their passwords, sessions and tokens: people sign in again.

Examples:

    tenantry tenant restore acme --at '2026-11-25 17:30' --as acme-before
    tenantry tenant swap acme acme-before`
}

// Run exchanges the tenants.
func (r *swapCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := a.Manager().Swap(c.ctx, a.By(), r.Subdomain, r.Other)
		if err != nil {
			return tenantError(err, r.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.TenantOf(t))
		}
		return c.out.Line("tenant %s has the data that %s had, and the other way round", r.Subdomain, r.Other)
	})
}
