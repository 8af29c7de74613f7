package command

import (
	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type cloneCommand struct {
	Subdomain string `arg:"" help:"The tenant to copy."`
	New       string `arg:"" help:"The subdomain of the copy."`
	Name      string `help:"Display name of the copy; defaults to the name of the tenant."`
	Server    string `help:"Server for the copy; defaults to the tenant's."`
}

// Help is shown with the flags.
func (cloneCommand) Help() string {
	return `The copy has all rows as they are at one moment, and the tenant's limits; the tenant goes on working. People sign in to the copy with their passwords. Sessions, API tokens and invitations of the tenant are worth nothing there, and its domains stay with it.

Examples:

    tenantry tenant clone acme acme-test
    tenantry tenant clone acme acme-test --name "Acme, to try things" --server pg1`
}

// Run clones the tenant.
func (r *cloneCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		progress := c.out.progress()
		t, err := a.Manager().Clone(c.ctx, a.By(), r.Subdomain, lifecycle.NewTenant{
			Subdomain: r.New, Name: r.Name, Server: r.Server,
			Progress: func(done, all int) { progress.step("clone "+r.Subdomain, done, all) },
		})
		if err != nil {
			return tenantError(createError(err, r.New), r.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.TenantOf(t))
		}
		return c.out.Line("tenant %s is ready at %s", t.Subdomain, a.TenantURL(t.Subdomain))
	})
}
