package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

// maxList is the largest number of items in a list.
const maxList = 1000

type listCommand struct {
	All           bool              `help:"List all tenants, including purged ones, without a limit."`
	State         string            `help:"List those in this state: active, provisioning, maintenance, suspended, archived or purged."`
	Server        string            `help:"List those on this server."`
	SchemaVersion string            `placeholder:"VERSION" help:"List those whose database has this schema version."`
	Search        string            `placeholder:"TEXT" help:"List those with this text in their subdomain or name, or with this id."`
	Where         map[string]string `placeholder:"KEY=VALUE" mapsep:"none" help:"List those whose setting has this value."`
	After         string            `placeholder:"SUBDOMAIN" help:"Begin after this subdomain."`
	Limit         int               `default:"200" help:"List at most this many, up to 1000."`
}

// Help is shown with the flags.
func (listCommand) Help() string {
	return `Purged tenants are listed only with --all or --state purged.

Examples:

    tenantry tenant list
    tenantry tenant list --all
    tenantry tenant list --state suspended --server default
    tenantry tenant list --search joinery
    tenantry tenant list --where plan=team
    tenantry tenant list --after initech --limit 50 --json`
}

// Run lists a page of tenants, or all of them.
func (l *listCommand) Run(c *Call) error {
	if l.Limit < 1 || l.Limit > maxList {
		return fmt.Errorf("%w: --limit is %d: want a number from 1 to %d", errUsage, l.Limit, maxList)
	}
	return c.With(func(a *app.App) error {
		search, err := a.Manager().ReadSearch(c.ctx, lifecycle.TypedSearch{
			Text: l.Search, State: l.State, Server: l.Server, SchemaVersion: l.SchemaVersion, Settings: l.Where,
		})
		if err != nil {
			return filterError(err)
		}
		search.Present = !l.All
		page, next, err := a.Manager().Find(c.ctx, search, l.After, l.Limit)
		for all := page; l.All && err == nil && next != ""; page = all {
			var more []tenants.Tenant
			more, next, err = a.Manager().Find(c.ctx, search, next, maxList)
			all = append(all, more...)
		}
		if err != nil {
			return err
		}
		return writeTenants(c.out, document.Tenants(page, next))
	})
}

// filterError returns err, or a usage error if a flag filters by an impossible
// value.
func filterError(err error) error {
	var filter *lifecycle.FilterError
	if errors.As(err, &filter) {
		return fmt.Errorf("%w: --%s %s", errUsage, strings.ReplaceAll(filter.Field, "_", "-"), filter.Message)
	}
	return err
}

func writeTenants(out *Output, l document.List[document.Tenant]) error {
	if out.json {
		return out.Document(l)
	}
	var rows [][]string
	for _, t := range l.Items {
		rows = append(rows, []string{t.Subdomain, t.Name, string(t.State), t.Server, t.CreatedAt.Format(time.RFC3339)})
	}
	if err := out.Rows([]string{"SUBDOMAIN", "NAME", "STATE", "SERVER", "CREATED"}, rows); err != nil {
		return err
	}
	if l.Next != nil {
		out.Hint("there are more; continue with --after %s, or use --all", *l.Next)
	}
	return nil
}
