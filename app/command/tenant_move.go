package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/text"
)

type moveCommand struct {
	Subdomain string `arg:"" optional:"" help:"The tenant to move."`
	To        string `required:"" placeholder:"SERVER" help:"The server to move to."`
	All       bool   `help:"Move all tenants of the server that --from names."`
	From      string `placeholder:"SERVER" help:"The server that all tenants leave."`
}

// Help is shown with the flags.
func (moveCommand) Help() string {
	return `The servers can be on the same engine or on different ones. The tenant is copied while people work. Then what has changed since is brought over and compared; meanwhile people read as before, and writes answer 503. If something fails before that is done, the tenant stays where it was. The old database goes to the trash of its server, and a running server removes it after 7 days. With --all the tenants are moved one after another; run the same command again to go on after an interruption.

Examples:

    tenantry tenant move acme --to pg1
    tenantry tenant move --all --from default --to pg1`
}

// Run moves the tenant, or all of a server.
func (r *moveCommand) Run(c *Call) error {
	switch {
	case r.All && (r.Subdomain != "" || r.From == ""):
		return fmt.Errorf("%w: --all needs --from, and no subdomain", errUsage)
	case !r.All && (r.Subdomain == "" || r.From != ""):
		return fmt.Errorf("%w: want a subdomain, or --all with --from", errUsage)
	case r.From == r.To:
		return fmt.Errorf("%w: --from and --to are the same server", errUsage)
	}
	return c.With(func(a *app.App) error {
		if r.All {
			return r.moveAll(c, a)
		}
		t, err := a.Manager().Move(c.ctx, a.By(), r.Subdomain, r.To)
		if err != nil {
			return moveError(err, r.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.TenantOf(t))
		}
		return c.out.Line("tenant %s is on server %s, and %s", t.Subdomain, t.Server, t.State)
	})
}

// moveError adds what to do next.
func moveError(err error, subdomain string) error {
	return tenantError(createError(err, subdomain), subdomain)
}

// movedTenants is the JSON document of a move of all tenants.
type movedTenants struct {
	Moved  int        `json:"moved"`
	Failed []notMoved `json:"failed"`
}

type notMoved struct {
	Subdomain string `json:"subdomain"`
	Error     string `json:"error"`
}

// errNotAllMoved means that some tenants are still on their server.
var errNotAllMoved = errors.New("not all tenants were moved")

// moveAll moves the tenants that are on the server, but purged ones.
func (r *moveCommand) moveAll(c *Call, a *app.App) error {
	for _, name := range []string{r.From, r.To} {
		if _, err := a.Manager().GetServer(c.ctx, name); err != nil {
			return explainServer(err)
		}
	}
	all, err := r.tenants(c, a)
	if err != nil {
		return err
	}
	progress, result := c.out.progress(), movedTenants{Failed: []notMoved{}}
	for i, t := range all {
		if _, err := a.Manager().Move(c.ctx, a.By(), t.ID, r.To); err != nil {
			if c.ctx.Err() != nil {
				return err
			}
			c.out.Hint("tenant %s: %v", t.Subdomain, err)
			result.Failed = append(result.Failed, notMoved{t.Subdomain, err.Error()})
		} else {
			result.Moved++
		}
		progress.step("move to "+r.To, i+1, len(all))
	}
	if c.out.json {
		err = c.out.Document(result)
	} else {
		err = c.out.Line("%s moved from %s to %s, %d not", text.Count(result.Moved, "tenant"), r.From, r.To, len(result.Failed))
	}
	if err == nil && len(result.Failed) > 0 {
		err = errNotAllMoved
	}
	return err
}

// tenants returns those that are to be moved.
func (r *moveCommand) tenants(c *Call, a *app.App) (all []tenants.Tenant, err error) {
	for after := ""; ; {
		page, next, err := a.Manager().Find(c.ctx, lifecycle.Search{Server: r.From}, after, 200)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			if t.State != tenants.StatePurged {
				all = append(all, t)
			}
		}
		if next == "" {
			return all, nil
		}
		after = next
	}
}
