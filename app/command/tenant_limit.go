package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
)

type limitCommand struct {
	Subdomain     string  `arg:"" help:"The tenant's subdomain."`
	Requests      *string `placeholder:"N/s" help:"Requests that it may send in a second, such as 100/s."`
	Concurrency   *string `placeholder:"N" help:"Requests that are served at once."`
	Size          *string `placeholder:"SIZE" help:"What its database may take, such as 500MB or 10GB."`
	Files         *string `placeholder:"SIZE" help:"What its files may take together, such as 5GB."`
	StatementTime *string `placeholder:"DURATION" help:"What one SQL statement may take, such as 2s."`
	Body          *string `placeholder:"SIZE" help:"What the body of one request may take, such as 100kB; routes have limits of their own."`
	Weight        *string `placeholder:"N" help:"Its part of a Postgres server's connections while tenants wait for them: with 2 it has them for twice the time."`
	Reset         bool    `help:"Give back all limits of its own; those given beside it are set."`
}

// Help is shown with the flags.
func (limitCommand) Help() string {
	return `Without flags it shows the limits in force, and where each comes from: the tenant's own, a setting of the tenant such as plan=free, a setting of the installation such as TENANTRY_MAX_TENANT_SIZE, or the default. Settings of the installation are those that this command has; give it the server's. Each flag takes a value, "default" for what the installation's settings say, or "none" for no limit.

Over a limit the tenant gets 429 (requests, concurrency, statement time), 507 (size, files) or 413 (body); other tenants are served as before. The processes that serve tenants share the limits on requests and concurrency in equal parts. A change is in force within a second.

Examples:

    tenantry tenant limit acme
    tenantry tenant limit acme --requests 100/s --concurrency 16
    tenantry tenant limit acme --size 500MB --statement-time 2s --body 100kB
    tenantry tenant limit acme --size default
    tenantry tenant limit acme --weight 2
    tenantry tenant limit acme --reset`
}

// Run changes the limits that were given, if any, and shows all.
func (l *limitCommand) Run(c *Call) error {
	changes, err := lifecycle.ReadLimits(l.typed())
	var bad *lifecycle.BadLimitError
	if errors.As(err, &bad) {
		return fmt.Errorf("%w: --%s %s", errUsage, strings.ReplaceAll(string(bad.Limit), "_", "-"), bad.Message)
	}
	return c.With(func(a *app.App) error {
		t, err := l.change(c, a, changes)
		if err != nil {
			return tenantError(err, l.Subdomain)
		}
		return writeLimits(c.out, document.LimitedOf(t, a.Store()))
	})
}

// typed returns what was given.
func (l *limitCommand) typed() map[tenants.Limit]string {
	typed := map[tenants.Limit]string{}
	for limit, text := range map[tenants.Limit]*string{
		tenants.LimitRequests: l.Requests, tenants.LimitConcurrency: l.Concurrency, tenants.LimitSize: l.Size, tenants.LimitFiles: l.Files,
		tenants.LimitStatementTime: l.StatementTime, tenants.LimitBody: l.Body, tenants.LimitWeight: l.Weight,
	} {
		switch {
		case text != nil:
			typed[limit] = *text
		case l.Reset:
			typed[limit] = "default"
		}
	}
	return typed
}

func (l *limitCommand) change(c *Call, a *app.App, changes map[tenants.Limit]int64) (*tenants.Tenant, error) {
	if len(changes) == 0 {
		return a.Manager().Get(c.ctx, l.Subdomain)
	}
	return a.Manager().SetLimits(c.ctx, a.By(), l.Subdomain, changes)
}

// writeLimits writes the limits in force, and where they come from.
func writeLimits(out *Output, d document.Limited) error {
	if out.json {
		return out.Document(d)
	}
	var rows [][]string
	for _, limit := range tenants.AllLimits() {
		rows = append(rows, []string{strings.ReplaceAll(string(limit), "_", "-"), d.Limits[limit].Text, d.Limits[limit].Source()})
	}
	return out.Rows([]string{"LIMIT", "IN FORCE", "FROM"}, rows)
}
