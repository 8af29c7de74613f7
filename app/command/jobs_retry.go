package command

import (
	"fmt"

	"tenantry/app"
	"tenantry/tenants/jobs"
)

type retryJobsCommand struct {
	Subdomain string   `arg:"" help:"The tenant's subdomain."`
	IDs       []string `arg:"" name:"id" optional:"" help:"The jobs; see: tenantry jobs list --tenant SUBDOMAIN --failed."`
	All       bool     `help:"All discarded jobs of the tenant."`
}

// Help is shown with the flags.
func (retryJobsCommand) Help() string {
	return `The jobs get all of their attempts again, the first one at once. The exit status is 1 if none of them was discarded.

Examples:

    tenantry jobs retry acme 01m8dxv4pe1tk5a9whcztpvavr
    tenantry jobs retry acme --all`
}

// Run makes the jobs run again.
func (r *retryJobsCommand) Run(c *Call) error {
	if (len(r.IDs) > 0) == r.All {
		return fmt.Errorf("%w: name jobs, or say --all", errUsage)
	}
	return c.With(func(a *app.App) error {
		t, err := a.Manager().Get(c.ctx, r.Subdomain)
		if err != nil {
			return tenantError(err, r.Subdomain)
		}
		n, err := jobs.Retry(c.ctx, a.Store(), t, r.IDs...)
		switch {
		case err != nil:
			return tenantError(err, r.Subdomain)
		case n == 0:
			return fmt.Errorf("tenant %s has no such discarded job; see: tenantry jobs list --tenant %s --failed", r.Subdomain, r.Subdomain)
		case c.out.json:
			return c.out.Document(map[string]int64{"retried": n})
		}
		return c.out.Line("jobs of tenant %s that run again: %d", r.Subdomain, n)
	})
}
