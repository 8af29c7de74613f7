package command

import (
	"errors"
	"fmt"

	"tenantry/app"
	"tenantry/tenants/lifecycle"
)

type releaseCommand struct {
	Subdomain string `arg:"" help:"The subdomain that a tenant has given up."`

	consent
}

// Help is shown with the flags.
func (releaseCommand) Help() string {
	return `A subdomain that a tenant gave up, by rename or purge, is reserved for 30 days or as long as it redirects: another tenant there would get its visitors. "tenantry tenant reserved" lists these subdomains.

Examples:

    tenantry tenant release acme
    tenantry tenant release acme --yes`
}

type released struct {
	Released string `json:"released"`
}

// Run releases the subdomain.
func (r *releaseCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		kept, err := a.Manager().Reserved(c.ctx, r.Subdomain)
		if err != nil {
			return releaseError(err)
		}
		if err := r.ask(c, consequence(kept), r.Subdomain); err != nil {
			return err
		}
		if _, err := a.Manager().Release(c.ctx, a.By(), r.Subdomain); err != nil {
			return releaseError(err)
		}
		if c.out.json {
			return c.out.Document(released{r.Subdomain})
		}
		if kept.Restorable {
			c.out.Hint("to restore the purged tenant, use its id: tenantry tenant restore %s", kept.Tenant)
		}
		return c.out.Line("%s is free", r.Subdomain)
	})
}

// consequence describes the effect of a release on people.
func consequence(r lifecycle.Retired) string {
	text := fmt.Sprintf("Another tenant may then take %s, and get the visitors of the former one.", r.Subdomain)
	if r.RedirectUntil != nil {
		text += fmt.Sprintf(" It stops redirecting to %s.", r.Tenant)
	}
	if r.Restorable {
		text += fmt.Sprintf(" The purged tenant %s can then be restored by its id alone, and only while no other tenant has the subdomain.", r.Tenant)
	}
	return text
}

func releaseError(err error) error {
	if errors.Is(err, lifecycle.ErrNotReserved) {
		return fmt.Errorf("%w; see: tenantry tenant reserved", err)
	}
	return err
}
