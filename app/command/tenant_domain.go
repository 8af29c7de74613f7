package command

import (
	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/document"
)

// domainCommand groups the commands for a tenant's domains.
type domainCommand struct {
	Add    addDomainCommand    `cmd:"" help:"Add a host to a tenant, and print the TXT record to publish."`
	Verify verifyDomainCommand `cmd:"" help:"Look up a host's TXT record, and serve the tenant there when it is found."`
	Remove removeDomainCommand `cmd:"" help:"Stop serving a tenant at a host."`
	List   listDomainsCommand  `cmd:"" help:"List a tenant's hosts."`
}

// tellDomain writes a domain. If it isn't verified, tellDomain writes only JSON.
func tellDomain(out *Output, a *app.App, d tenants.Domain) error {
	switch {
	case out.json:
		return out.Document(document.DomainOf(d, a.Manager().ChallengeRecord(d.Host)))
	case d.VerifiedAt == nil:
		return nil
	}
	return out.Line("%s is verified", d.Host)
}
