package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
	"tenantry/tenants/lifecycle"
)

type verifyDomainCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Host      string `arg:"" help:"Host name, as it was added."`
}

// Help is shown with the flags.
func (verifyDomainCommand) Help() string {
	return `Looks up the TXT record that "tenantry tenant domain add" printed, and serves the tenant at the host if it is there. If not, the exit status is 1.

Examples:

    tenantry tenant domain verify acme work.acme.example`
}

// Run verifies the domain, or writes what is missing.
func (v *verifyDomainCommand) Run(c *Call) error {
	host := strings.ToLower(v.Host)
	return c.With(func(a *app.App) error {
		verified, err := a.Manager().VerifyDomain(c.ctx, a.By(), v.Subdomain, host)
		var unverified *lifecycle.UnverifiedError
		switch {
		case errors.As(err, &unverified):
			return errors.Join(tellDomain(c.out, a, verified), fmt.Errorf("%w; then run this command again", err))
		case errors.Is(err, lifecycle.ErrUnknownDomain):
			return fmt.Errorf("%w; add it with: tenantry tenant domain add %s %s", err, v.Subdomain, host)
		case err != nil:
			return tenantError(err, v.Subdomain)
		}
		return tellDomain(c.out, a, verified)
	})
}
