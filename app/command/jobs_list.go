package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/jobs"
)

type listJobsCommand struct {
	Tenant string `placeholder:"SUBDOMAIN" xor:"of" help:"List the jobs of this tenant."`
	Master bool   `xor:"of" help:"List the jobs without tenant, which are in the master."`
	Failed bool   `help:"List those that were discarded, because all their attempts failed."`
	After  string `placeholder:"ID" help:"Begin after this job."`
	Limit  int    `default:"50" help:"List at most this many, up to 1000."`
}

// Help is shown with the flags.
func (listJobsCommand) Help() string {
	return `Without --tenant it lists the tenants that have jobs and when the next one is due, and opens no tenant. A process that wrote jobs of a tenant takes care of it for five minutes.

Examples:

    tenantry jobs list
    tenantry jobs list --tenant acme
    tenantry jobs list --tenant acme --failed --json
    tenantry jobs list --master`
}

// Run lists tenants or jobs.
func (l *listJobsCommand) Run(c *Call) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	if l.Tenant == "" && !l.Master && (l.Failed || l.After != "") {
		return fmt.Errorf("%w: --failed and --after are for the jobs of one tenant; say which with --tenant, or --master", errUsage)
	}
	return c.With(func(a *app.App) error {
		if l.Tenant == "" && !l.Master {
			return l.tenants(c, a)
		}
		var t *tenants.Tenant // nil for the master
		if !l.Master {
			var err error
			if t, err = a.Manager().Get(c.ctx, l.Tenant); err != nil {
				return tenantError(err, l.Tenant)
			}
		}
		var state jobs.State
		if l.Failed {
			state = jobs.Discarded
		}
		page, next, err := jobs.List(c.ctx, a.Store(), t, state, l.After, l.Limit)
		if err != nil {
			return tenantError(err, l.Tenant)
		}
		if c.out.json {
			return c.out.Document(document.Jobs(page, next))
		}
		if next != "" {
			defer c.out.Hint("there are more; continue with --after %s", next)
		}
		var rows [][]string
		for _, row := range page {
			rows = append(rows, []string{row.ID, row.Kind, string(row.State), row.ScheduledAt.UTC().Format(time.RFC3339), fmt.Sprint(row.Attempt), row.Error})
		}
		return c.out.Rows([]string{"ID", "KIND", "STATE", "SCHEDULED", "ATTEMPTS", "ERROR"}, rows)
	})
}

// tenants lists the tenants with jobs.
func (l *listJobsCommand) tenants(c *Call, a *app.App) error {
	found, err := a.Store().Master().DueTenants(c.ctx, l.Limit)
	if err != nil {
		return err
	}
	if c.out.json {
		return c.out.Document(document.DueOf(found))
	}
	var rows [][]string
	for _, d := range found {
		due := d.At.UTC().Format(time.RFC3339)
		if d.Process != "" {
			due = ""
		}
		rows = append(rows, []string{d.Subdomain, string(d.State), due, d.Process})
	}
	return c.out.Rows([]string{"SUBDOMAIN", "STATE", "DUE", "PROCESS"}, rows)
}
