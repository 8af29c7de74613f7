package command

import (
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type reservedCommand struct{}

// Help is shown with the flags.
func (reservedCommand) Help() string {
	return `A redirecting subdomain sends its visitors to the tenant in the same row.

Examples:

    tenantry tenant reserved
    tenantry tenant reserved --json`
}

// Run lists reserved and redirecting subdomains.
func (reservedCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		all, err := a.Manager().Retired(c.ctx, "")
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.ListOf(all, ""))
		}
		var rows [][]string
		for _, r := range all {
			redirects := ""
			if r.RedirectUntil != nil {
				redirects = r.RedirectUntil.UTC().Format(time.RFC3339)
			}
			rows = append(rows, []string{r.Subdomain, r.Tenant, r.ReservedUntil.UTC().Format(time.RFC3339), redirects})
		}
		return c.out.Rows([]string{"SUBDOMAIN", "TENANT", "RESERVED UNTIL", "REDIRECTS UNTIL"}, rows)
	})
}

// retiredRow returns the row of a subdomain that a tenant has given up.
func retiredRow(r lifecycle.Retired) []string {
	if r.RedirectUntil != nil {
		return []string{"redirect", r.Subdomain + " until " + r.RedirectUntil.UTC().Format(time.RFC3339)}
	}
	return []string{"reserved", r.Subdomain + " until " + r.ReservedUntil.UTC().Format(time.RFC3339)}
}
