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

// domainCommand groups what is done about a tenant's own hosts.
type domainCommand struct {
	Add    addDomainCommand    `cmd:"" help:"Record a host of a tenant's own, and print the TXT record to publish for it."`
	Verify verifyDomainCommand `cmd:"" help:"Look up a host's TXT record, and serve the tenant there when it is found."`
	Remove removeDomainCommand `cmd:"" help:"Stop serving a tenant at a host."`
	List   listDomainsCommand  `cmd:"" help:"List a tenant's hosts."`
}

type addDomainCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Host      string `arg:"" help:"Host name, such as work.example.com."`
	Primary   bool   `help:"Let links lead to this host, once it is verified, instead of the subdomain."`
}

// Help is shown with the flags.
func (addDomainCommand) Help() string {
	return `Prints the TXT record that the owner of the host has to publish. The tenant is served at the host once "tenantry tenant domain verify" has found the record. The host must resolve to the public listener, or to the proxy in front of it, which does TLS.

Examples:

    tenantry tenant domain add acme work.acme.example
    tenantry tenant domain add acme work.acme.example --primary
    tenantry tenant domain verify acme work.acme.example`
}

// Run notes the domain, and tells how it is verified.
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
			return tellDomain(c.out, added)
		}
		return errors.Join(
			c.out.Line("%s is noted. Publish this TXT record:", host),
			c.out.Line("%s TXT %q", lifecycle.ChallengeRecord(host), added.Challenge),
			c.out.Line("then run: tenantry tenant domain verify %s %s", n.Subdomain, host))
	})
}

type verifyDomainCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
	Host      string `arg:"" help:"Host name that was added."`
}

// Help is shown with the flags.
func (verifyDomainCommand) Help() string {
	return `Looks up the TXT record that "tenantry tenant domain add" printed, and serves the tenant at the host when it is there. Until then the exit status is 1.

Examples:

    tenantry tenant domain verify acme work.acme.example`
}

// Run verifies the domain, or tells what is missing.
func (v *verifyDomainCommand) Run(c *Call) error {
	host := strings.ToLower(v.Host)
	return c.With(func(a *app.App) error {
		verified, err := a.Manager().VerifyDomain(c.ctx, a.By(), v.Subdomain, host)
		var unverified *lifecycle.UnverifiedError
		switch {
		case errors.As(err, &unverified):
			return errors.Join(tellDomain(c.out, verified), fmt.Errorf("%w; then give the same command again", err))
		case errors.Is(err, lifecycle.ErrUnknownDomain):
			return fmt.Errorf("%w; add it with: tenantry tenant domain add %s %s", err, v.Subdomain, host)
		case err != nil:
			return tenantError(err, v.Subdomain)
		}
		return tellDomain(c.out, verified)
	})
}

// tellDomain writes how a domain stands; while it isn't verified, to programs alone.
func tellDomain(out *Output, d tenants.Domain) error {
	switch {
	case out.json:
		return out.Document(document.DomainOf(d))
	case d.VerifiedAt == nil:
		return nil
	}
	return out.Line("%s is verified", d.Host)
}

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

type listDomainsCommand struct {
	Subdomain string `arg:"" help:"The tenant's subdomain."`
}

// Help is shown with the flags.
func (listDomainsCommand) Help() string {
	return `Examples:

    tenantry tenant domain list acme
    tenantry tenant domain list acme --json`
}

// Run lists the domains.
func (l *listDomainsCommand) Run(c *Call) error {
	return c.With(func(a *app.App) error {
		found, err := a.Manager().Domains(c.ctx, l.Subdomain)
		if err != nil {
			return tenantError(err, l.Subdomain)
		}
		if c.out.json {
			return c.out.Document(document.Domains(found))
		}
		var rows [][]string
		for _, d := range found {
			verified, role := "no", ""
			if d.VerifiedAt != nil {
				verified = d.VerifiedAt.UTC().Format(time.RFC3339)
			}
			if d.Main {
				role = "primary"
			}
			rows = append(rows, []string{d.Host, verified, role, lifecycle.ChallengeRecord(d.Host), d.Challenge})
		}
		return c.out.Rows([]string{"HOST", "VERIFIED", "", "TXT RECORD", "VALUE"}, rows)
	})
}
