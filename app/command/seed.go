package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tenantry/app"
	"tenantry/seed"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type seedCommand struct {
	Subdomains []string `arg:"" optional:"" name:"subdomain" help:"Demo tenants to fill; all by default."`
	File       string   `placeholder:"PATH" help:"Add the rows in this file, or in a folder's files, to the tenant instead; it is created if it is missing."`
}

// Help is shown with the flags.
func (seedCommand) Help() string {
	return `The demo tenants are ` + strings.Join(seed.Subdomains(), ", ") + `. Tenants that have data, or that this command did not create, are skipped. The users have no passwords: "tenantry serve --demo" sets one for an admin of each tenant, and "tenantry tenant admin" adds other admins.

With --file the rows are your own: each file NN_TABLE.json is a list of objects whose members are columns of the table, such as 1_projects.json with [{"id": 1, "name": "Garden"}] and 2_tasks.json with [{"project_id": 1, "title": "Dig"}]. The files are read in the order of their names. All rows are added, or none.

Examples:

    tenantry seed
    tenantry seed acme --json
    tenantry seed hooli --file rows`
}

// Run fills the tenants.
func (s *seedCommand) Run(c *Call) error {
	if s.File != "" {
		return s.load(c)
	}
	if err := seed.Check(s.Subdomains); errors.Is(err, seed.ErrUnknown) {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	return c.Install(func(a *app.App) error {
		results, err := c.seed(a, s.Subdomains)
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

// load adds rows of the operator's own to a tenant.
func (s *seedCommand) load(c *Call) error {
	if len(s.Subdomains) != 1 {
		return fmt.Errorf("%w: --file adds rows to one tenant: name it", errUsage)
	}
	info, err := os.Stat(s.File)
	if err != nil {
		return fmt.Errorf("%w: --file: %w", errUsage, err)
	}
	folder, names := s.File, []string(nil)
	if !info.IsDir() {
		folder, names = filepath.Dir(s.File), []string{filepath.Base(s.File)}
	}
	if err := tenants.ValidateSubdomain(s.Subdomains[0]); err != nil {
		return err
	}
	if err := app.CheckFixtures(c.ctx, c.process.Options, os.DirFS(folder), names...); err != nil {
		return noRow(s.Subdomains[0], err)
	}
	return c.Install(func(a *app.App) error {
		result := seed.Result{Subdomain: s.Subdomains[0], Outcome: seed.Filled}
		t, err := a.Manager().Get(c.ctx, result.Subdomain)
		if errors.Is(err, tenants.ErrUnknownTenant) {
			result.Outcome = seed.Created
			t, err = a.Manager().Create(c.ctx, lifecycle.NewTenant{Subdomain: result.Subdomain, Name: result.Subdomain, By: a.By()})
		}
		if err != nil {
			return tenantError(err, result.Subdomain)
		}
		result.Name = t.Name
		if result.Rows, err = a.LoadFixtures(c.ctx, t, os.DirFS(folder), names...); err != nil {
			return noRow(t.Subdomain, err)
		}
		return writeSeeded(c.out, []seed.Result{result})
	})
}

func noRow(subdomain string, err error) error {
	return fmt.Errorf("no row was added to tenant %s: %w", subdomain, err)
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
