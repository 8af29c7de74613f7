package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/text"
)

type statusCommand struct {
	Tenants bool   `xor:"what" help:"List the tenants that are behind or ahead, with the error of their last migration."`
	Verify  bool   `xor:"what" help:"Open every database, and compare its version and schema with what the migrations make."`
	After   string `placeholder:"SUBDOMAIN" help:"With --tenants: begin after this subdomain."`
	Limit   int    `default:"200" help:"With --tenants: list at most this many, up to 1000."`
}

// Help is shown with the flags.
func (*statusCommand) Help() string {
	return `Counts the tenants by server and schema version, and shows the version of this build. Reads only the master, unless --verify is given. A tenant at a version that this build can't serve answers 503. The exit status is 1 if a tenant is at another version than this build's, or if --verify finds a problem.

Examples:

    tenantry migrate status
    tenantry migrate status --tenants
    tenantry migrate status --verify --json`
}

// Run counts, lists or verifies the tenants.
func (s *statusCommand) Run(c *Call) error {
	if s.Limit < 1 || s.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, s.Limit, maxList)
	}
	return c.With(func(a *app.App) error {
		if s.Verify {
			return verifySchemas(c, a)
		}
		standings, err := fleet.Status(c.ctx, a.Store())
		if err != nil {
			return err
		}
		write := func() error { return writeStandings(c.out, standings) }
		if s.Tenants {
			write = func() error { return s.writeOutdated(c, a) }
		}
		return errors.Join(write(), outdated(standings))
	})
}

func writeStandings(out *Output, standings []fleet.VersionCount) error {
	if out.json {
		return out.Document(document.ListOf(standings, ""))
	}
	var rows [][]string
	for _, s := range standings {
		rows = append(rows, []string{s.Server, fmt.Sprint(s.SchemaVersion), fmt.Sprint(s.Target), fmt.Sprint(s.Tenants)})
	}
	return out.Rows([]string{"SERVER", "VERSION", "TARGET", "TENANTS"}, rows)
}

// outdated returns an error if tenants are at other versions than this build's.
func outdated(standings []fleet.VersionCount) error {
	var behind, ahead int64
	for _, s := range standings {
		switch {
		case s.SchemaVersion < s.Target:
			behind += s.Tenants
		case s.SchemaVersion > s.Target && s.Target > 0:
			ahead += s.Tenants
		}
	}
	var errs []error
	if behind > 0 {
		errs = append(errs, fmt.Errorf("%s behind; run: tenantry migrate up", text.Count(behind, "tenant")))
	}
	if ahead > 0 {
		errs = append(errs, fmt.Errorf("%s ahead: migrated by a newer build; run that one", text.Count(ahead, "tenant")))
	}
	return errors.Join(errs...)
}

// writeOutdated writes a page of the tenants that are behind or ahead.
func (s *statusCommand) writeOutdated(c *Call, a *app.App) error {
	page, next, err := fleet.ListOutdated(c.ctx, a.Store(), s.After, s.Limit)
	if err != nil {
		return err
	}
	if c.out.json {
		return c.out.Document(document.ListOf(page, next))
	}
	var rows [][]string
	for _, t := range page {
		rows = append(rows, []string{
			t.Subdomain, string(t.State), t.Server, fmt.Sprint(t.SchemaVersion), fmt.Sprint(t.Target), t.Error,
		})
	}
	if err := c.out.Rows([]string{"SUBDOMAIN", "STATE", "SERVER", "VERSION", "TARGET", "ERROR"}, rows); err != nil {
		return err
	}
	if next != "" {
		c.out.Hint("there are more; continue with --after %s", next)
	}
	return nil
}

// verifySchemas opens every database and writes what differs.
func verifySchemas(c *Call, a *app.App) error {
	show := c.out.progress()
	findings, err := a.Manager().VerifySchemas(c.ctx, func(done, total int) { show.step("verify", done, total) })
	if err != nil {
		return err
	}
	return errors.Join(writeFindings(c.out, findings), verdict(findings))
}
