package tenants

import "time"

// Domain is a customer's own host name, at which a tenant is reached besides its subdomain once the
// domain is verified.
type Domain struct {
	TenantID string `gorm:"primaryKey;not null"`
	// Host is in lower case, without a port or a trailing dot.
	Host string `gorm:"primaryKey;not null;check:domains_host_check,length(host) BETWEEN 3 AND 253 AND host = lower(host);uniqueIndex:domains_host_key,where:verified_at IS NOT NULL"`
	// Challenge is the value that the host's TXT record must have.
	Challenge string `gorm:"not null"`
	// VerifiedAt is nil until the challenge was found. Only one tenant can have a verified host.
	VerifiedAt *time.Time
	// Main means that links use this host instead of the subdomain.
	Main      bool      `gorm:"not null"`
	CreatedAt time.Time `gorm:"not null"`
}

// Address returns what links to the tenant are built from: its main domain, which contains dots, or
// its subdomain. The tenant's Domains must have been loaded.
func (t *Tenant) Address() string {
	for _, d := range t.Domains {
		if d.Main && d.VerifiedAt != nil {
			return d.Host
		}
	}
	return t.Subdomain
}

// RetiredSubdomain is a subdomain that a tenant gave up by being renamed or purged.
type RetiredSubdomain struct {
	Subdomain string `gorm:"primaryKey;not null;check:retired_subdomains_subdomain_check,length(subdomain) BETWEEN 1 AND 40"`
	TenantID  string `gorm:"not null;index:retired_subdomains_tenant_idx"`
	// RedirectUntil is when redirects to the tenant end. It is nil if there are none.
	RedirectUntil *time.Time
	// ReservedUntil is when other tenants can get the subdomain.
	ReservedUntil time.Time `gorm:"not null"`
}
