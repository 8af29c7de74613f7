package command

import (
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
)

type listDomainsCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (listDomainsCommand) Help() string {
	return `Examples:

    tenantry tenant domain list acme
    tenantry tenant domain list acme --json`
}

// Run lists the domains.
func (l *listDomainsCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		found, err := a.Manager().Domains(c.ctx, l.Subdomain)
		if err != nil {
			return tenantError(err, l.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.Domains(found, a.Manager().ChallengeRecord))
		}
		var rows [][]string
		for _, d := range found {
			verified, role := "no", ""
			if d.VerifiedAt != nil {
				verified = d.VerifiedAt.UTC().Format(time.RFC3339)
			}
			if d.Main {
				role = "primary"
			}
			rows = append(rows, []string{d.Host, verified, role, a.Manager().ChallengeRecord(d.Host), d.Challenge})
		}
		return c.out.Rows([]string{"HOST", "VERIFIED", "ROLE", "TXT RECORD", "VALUE"}, rows)
	})
}
