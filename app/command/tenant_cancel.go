package command

import (
	"fmt"
	"time"

	"tenantry/app"
	"tenantry/tenants/document"
)

type cancelCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain; for a purged tenant its former subdomain or its id."`

	consent
}

// Help is shown with the flags.
func (cancelCommand) Help() string {
	return `For an operation that is tried again every minute and fails each time; "tenantry tenant show" shows its error. An operation on which a process is working can't be cancelled. The tenant returns to the state that it had before; a cancelled creation leaves no tenant, and the tenant of a cancelled restore stays purged. Run "tenantry doctor" afterwards: it finds the remains of the database.

Examples:

    tenantry tenant show acme
    tenantry tenant cancel acme`
}

// Run cancels the operation.
func (n *cancelCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		t, err := c.tenant(a, n.Subdomain)
		if err != nil {
			return err
		}
		o, err := a.Manager().Unfinished(c.ctx, t)
		if err != nil {
			return tenantError(err, n.Subdomain)
		}
		what := fmt.Sprintf("The %s of %s, begun %s by %s, stopped at step %q.", o.Kind, o.Subdomain, o.StartedAt.UTC().Format(time.RFC3339), o.By, o.Step)
		if o.Error != "" {
			what += " Last error: " + o.Error + "."
		}
		if err := n.ask(c, what+" It will not be finished.", n.Subdomain); err != nil {
			return err
		}
		cancelled, err := a.Manager().Cancel(c.ctx, a.By(), n.Subdomain)
		if err != nil {
			return tenantError(err, n.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.OperationOf(*cancelled))
		}
		return c.out.Line("the %s of %s is cancelled; see: tenantry tenant show %s, and tenantry doctor", cancelled.Kind, cancelled.Subdomain, t.ID)
	})
}
