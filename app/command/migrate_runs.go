package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
)

type runsCommand struct {
	ID     string `arg:"" optional:"" name:"run" help:"List the tenants of this run."`
	Failed bool   `help:"With a run: list only tenants that it could not migrate."`
	After  string `placeholder:"OPERATION" help:"With a run: begin after this operation."`
	Limit  int    `default:"50" help:"List at most this many, up to 1000."`
}

// Help is shown with the flags.
func (*runsCommand) Help() string {
	return `Lists the newest runs first, each with its state: running, stopping, stopped, done, failed or abandoned. The process of an interrupted run has died. With the id of a run, lists the tenants that it has tried, with their versions before and after, and their errors.

Examples:

    tenantry migrate runs
    tenantry migrate runs 01kb05k4mhg5sm3e9n7cfyd4yz
    tenantry migrate runs 01kb05k4mhg5sm3e9n7cfyd4yz --failed
    tenantry migrate runs --json`
}

// Run lists runs, or the tenants of a run.
func (r *runsCommand) Run(c *Call) error {
	if r.Limit < 1 || r.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, r.Limit, maxList)
	}
	return c.With(func(a *app.App) error {
		if r.ID != "" {
			return r.writeTenants(c, a)
		}
		runs, err := a.Fleet().Runs(c.ctx, r.Limit)
		if err != nil {
			return err
		}
		if c.out.json {
			return c.out.Document(document.ListOf(runs, ""))
		}
		var rows [][]string
		for _, run := range runs {
			rows = append(rows, []string{
				run.ID, stateOf(run), run.By, run.StartedAt.Format(time.RFC3339), fmt.Sprint(run.Total),
				fmt.Sprint(run.Migrated), fmt.Sprint(run.Failed), fmt.Sprint(run.Copies), run.Reason,
			})
		}
		return c.out.Rows([]string{"RUN", "STATE", "BY", "STARTED", "TENANTS", "MIGRATED", "FAILED", "COPIES", "REASON"}, rows)
	})
}

// stateOf returns the state of a run for people.
func stateOf(run fleet.Run) string {
	if run.Interrupted {
		return "interrupted"
	}
	return string(run.State)
}

// writeTenants writes a page of the run's tenants.
func (r *runsCommand) writeTenants(c *Call, a *app.App) error {
	if _, err := a.Fleet().Run(c.ctx, r.ID); err != nil {
		return err
	}
	var state tenants.OperationState
	if r.Failed {
		state = tenants.OperationFailed
	}
	page, next, err := a.Fleet().Tenants(c.ctx, r.ID, state, r.After, r.Limit)
	if err != nil {
		return err
	}
	if c.out.json {
		return c.out.Document(document.ListOf(page, next))
	}
	var rows [][]string
	for _, t := range page {
		took := ""
		if t.FinishedAt != nil {
			took = t.FinishedAt.Sub(t.StartedAt).Round(time.Millisecond).String()
		}
		rows = append(rows, []string{t.Subdomain, string(t.State), fmt.Sprint(t.From), fmt.Sprint(t.To), took, t.Error})
	}
	if err := c.out.Rows([]string{"SUBDOMAIN", "STATE", "FROM", "TO", "TOOK", "ERROR"}, rows); err != nil {
		return err
	}
	if next != "" {
		c.out.Hint("there are more; continue with --after %s", next)
	}
	return nil
}
