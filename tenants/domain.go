package tenants

import "time"

// Domain is a host of a customer's own at which a tenant is reached beside its
// subdomain, once it is verified.
type Domain struct {
	TenantID string `gorm:"primaryKey;not null"`
	// Host is in lower case, without port or trailing dot.
	Host string `gorm:"primaryKey;not null;check:domains_host_check,length(host) BETWEEN 3 AND 253 AND host = lower(host);uniqueIndex:domains_host_key,where:verified_at IS NOT NULL"`
	// Challenge is what has to stand in the host's TXT record.
	Challenge string `gorm:"not null"`
	// VerifiedAt is nil until it stood there. Only one tenant has a host then.
	VerifiedAt *time.Time
	// Main says that links lead here and not to the subdomain.
	Main      bool      `gorm:"not null"`
	CreatedAt time.Time `gorm:"not null"`
}

// Address is where links to the tenant lead: its main domain, which has dots, or
// else its subdomain. The tenant's domains have to be read with it.
func (t *Tenant) Address() string {
	for _, d := range t.Domains {
		if d.Main && d.VerifiedAt != nil {
			return d.Host
		}
	}
	return t.Subdomain
}

// RetiredSubdomain is one that a tenant has given up, by being renamed or
// purged.
type RetiredSubdomain struct {
	Subdomain string `gorm:"primaryKey;not null;check:retired_subdomains_subdomain_check,length(subdomain) BETWEEN 1 AND 40"`
	TenantID  string `gorm:"not null;index:retired_subdomains_tenant_idx"`
	// RedirectUntil is how long requests are sent on to the tenant; nil for not
	// at all.
	RedirectUntil *time.Time
	// ReservedUntil is how long no other tenant gets the subdomain.
	ReservedUntil time.Time `gorm:"not null"`
}
