package command

import (
	"fmt"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type operationsCommand struct {
	Tenant     string `placeholder:"SUBDOMAIN" help:"List those on this tenant, named by its subdomain or id."`
	Kind       string `help:"List those of this kind, such as create, suspend or rename."`
	State      string `help:"List those in this state: running, undoing, done or failed."`
	DoneBy     string `placeholder:"NAME" help:"List those that this operator started."`
	Since      string `placeholder:"TIME" help:"List those that began at this time or later: 2026-03-31T08:00:00Z, or a day."`
	Until      string `placeholder:"TIME" help:"List those that began before this time."`
	Unfinished bool   `help:"List those that are not finished."`
	After      string `placeholder:"ID" help:"Begin after this operation."`
	Limit      int    `default:"50" help:"List at most this many, up to 1000."`
	Follow     bool   `help:"Write each operation that begins, takes a step or finishes from now on, until Ctrl-C."`
}

// Help is shown with the flags.
func (operationsCommand) Help() string {
	return `Flags can be combined. A failed operation is shown with its error.

Examples:

    tenantry operations
    tenantry operations --tenant acme
    tenantry operations --unfinished
    tenantry operations --follow --json
    tenantry operations --kind purge --since 2026-03-01 --json`
}

// Run lists a page of operations.
func (o *operationsCommand) Run(c *Call) error {
	if o.Limit < 1 || o.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, o.Limit, maxList)
	}
	if o.After != "" && !lifecycle.IsOperationID(o.After) {
		return fmt.Errorf("%w: --after is %q: want the id of an operation", errUsage, o.After)
	}
	return c.With(func(a *app.App) error {
		if o.Follow {
			return o.follow(c, a.Manager())
		}
		filter, err := a.Manager().ReadOperationFilter(c.ctx, lifecycle.TypedOperationFilter{
			Tenant: o.Tenant, Kind: o.Kind, State: o.State, By: o.DoneBy, Since: o.Since, Until: o.Until,
		})
		if err != nil {
			return filterError(err)
		}
		filter.Unfinished = o.Unfinished
		page, next, err := a.Manager().Operations(c.ctx, filter, o.After, o.Limit)
		if err != nil {
			return err
		}
		list := document.Operations(page, next)
		if c.out.json {
			return c.out.Document(list)
		}
		if next != "" {
			defer c.out.Hint("there are more; continue with --after %s", next)
		}
		return writeStory(c.out, list.Items)
	})
}
