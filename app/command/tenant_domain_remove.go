package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
	"tenantry/tenants/lifecycle"
)

type removeDomainCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Host      string `arg:"" help:"Host name."`
}

// Help is shown with the flags.
func (removeDomainCommand) Help() string {
	return `Within a second every server answers 404 at the host.

Examples:

    tenantry tenant domain remove acme work.acme.example`
}

// Run removes the domain.
func (r *removeDomainCommand) Run(c *Call) error {
	host := strings.ToLower(r.Host)
	return c.With(func(a *app.App) error {
		err := a.Manager().RemoveDomain(c.ctx, a.By(), r.Subdomain, host)
		if errors.Is(err, lifecycle.ErrUnknownDomain) {
			return fmt.Errorf("%w; see: tenantry tenant domain list %s", err, r.Subdomain)
		}
		if err != nil {
			return tenantError(err, r.Subdomain)
		}
		if c.out.json {
			return c.out.Document(map[string]string{"removed": host})
		}
		return c.out.Line("%s is removed", host)
	})
}
