package command

import (
	"errors"
	"fmt"
	"strings"

	"tenantry/app"
)

type addDomainCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Host      string `arg:"" help:"Host name, such as work.example.com."`
	Primary   bool   `help:"Once it is verified, use this host in links instead of the subdomain."`
}

// Help is shown with the flags.
func (addDomainCommand) Help() string {
	return `Prints the TXT record that the owner of the host has to publish. The tenant is served at the host once "tenantry tenant domain verify" has found the record. The host must resolve to the public listener, or to the proxy in front of it, which does TLS.

Examples:

    tenantry tenant domain add acme work.acme.example
    tenantry tenant domain add acme work.acme.example --primary
    tenantry tenant domain verify acme work.acme.example`
}

// Run adds the domain, and writes how to verify it.
func (n *addDomainCommand) Run(c *Call) error {
	host := strings.ToLower(n.Host)
	return c.With(func(a *app.App) error {
		if err := a.BaseDomain().ValidateHost(host); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		added, err := a.Manager().AddDomain(c.ctx, a.By(), n.Subdomain, host, n.Primary)
		if err != nil {
			return tenantError(err, n.Subdomain)
		}
		if c.out.json || added.VerifiedAt != nil {
			return tellDomain(c.out, a, added)
		}
		return errors.Join(
			c.out.Line("%s is added. Publish this TXT record:", host),
			c.out.Line("%s TXT %q", a.Manager().ChallengeRecord(host), added.Challenge),
			c.out.Line("then run: tenantry tenant domain verify %s %s", n.Subdomain, host))
	})
}
