package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
	"tenantry/seed"
	"tenantry/tenants/document"
)

type seedCommand struct {
	Subdomains []string `arg:"" optional:"" name:"subdomain" help:"Demo tenants to fill; all by default."`
}

// Help is shown with the flags.
func (seedCommand) Help() string {
	return `The demo tenants are ` + strings.Join(seed.Subdomains(), ", ") + `. Tenants that have data, or that this command did not create, are skipped. The users have no passwords: "tenantry serve --demo" sets one for an admin of each tenant, and "tenantry tenant admin" adds other admins.

Examples:

    tenantry seed
    tenantry seed acme --json`
}

// Run fills the demo tenants.
func (s *seedCommand) Run(c *Call) error {
	return c.Install(func(a *app.App) error {
		results, err := c.seed(a, s.Subdomains)
		if errors.Is(err, seed.ErrUnknown) {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		return errors.Join(err, writeSeeded(c.out, results))
	})
}

// seed fills demo tenants and shows the progress.
func (c *Call) seed(a *app.App, subdomains []string) ([]seed.Result, error) {
	show := c.out.progress()
	return seed.Run(c.ctx, a.Store(), a.Manager(), subdomains, func(p seed.Progress) {
		show.step("seed "+p.Subdomain, p.Done, p.Total)
	})
}

func writeSeeded(out *Output, results []seed.Result) error {
	if out.json {
		return out.Document(document.ListOf(results, ""))
	}
	var rows [][]string
	for _, r := range results {
		rows = append(rows, []string{r.Subdomain, string(r.Outcome), fmt.Sprint(r.Rows), r.Reason})
	}
	return out.Rows([]string{"SUBDOMAIN", "OUTCOME", "ROWS", "REASON"}, rows)
}
