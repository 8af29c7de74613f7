package command

import (
	"errors"
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/visits"
)

type enterCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	As        string `required:"" placeholder:"EMAIL" help:"The address of the person to enter as."`
	Reason    string `required:"" placeholder:"TEXT" help:"Why, for the tenant's people and the ledger, at most 200 characters."`
	Write     bool   `help:"Also write as that person."`
}

// Help is shown with the flags.
func (enterCommand) Help() string {
	return `Prints a link that works once, within a minute, and leads into the tenant as one of its people for 30 minutes. Open it in a browser. Every page says who is there, why and until when, and has a button to leave. The ledger and the tenant's activity have it, too, with all that is written.

Passwords, addresses, API tokens, sessions, invitations, roles and exports are out of reach. The visit ends before its time when the tenant is suspended, or when the operator's account is removed or becomes a viewer.

Examples:

    tenantry tenant enter acme --as mara@acme.example --reason 'her import fails, ticket 4711'
    tenantry tenant enter acme --as mara@acme.example --reason 'she asked us to repair the board' --write`
}

// Run makes the link.
func (e *enterCommand) Run(c *Call) error {
	if err := visits.CheckReason(e.Reason); err != nil {
		return fmt.Errorf("%w: --reason: %w", errUsage, err)
	}
	return c.With(func(a *app.App) error {
		entry := lifecycle.Entry{Email: e.As, Reason: e.Reason, Writes: e.Write}
		made, err := a.LetIn(c.ctx, a.By(), operators.Identity{Role: operators.Owner}, e.Subdomain, entry)
		if errors.Is(err, visits.ErrUnknownPerson) {
			return fmt.Errorf("tenant %q has nobody with the address %s; its page People has them all", e.Subdomain, e.As)
		}
		if err != nil {
			return tenantError(err, e.Subdomain)
		}
		d := document.EntranceOf(made.Tenant, made.Visit, made.URL)
		if c.out.json {
			return c.out.Document(d)
		}
		what := "read"
		if d.Write {
			what = "read and write"
		}
		return c.out.Line("open it once and before %s, to %s in %s as %s until %s: %s",
			d.LinkExpiresAt.Format(time.RFC3339), what, d.Subdomain, d.User, d.ExpiresAt.Format(time.RFC3339), d.URL)
	})
}
