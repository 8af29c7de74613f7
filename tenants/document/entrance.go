package document

import (
	"time"

	"tenantry/tenants"
)

// Entrance is a link with which an operator enters a tenant, as JSON.
type Entrance struct {
	Subdomain string `json:"subdomain"`
	// User is the e-mail address of the person.
	User   string `json:"user"`
	Reason string `json:"reason"`
	Write  bool   `json:"write"`
	// URL contains the secret. It works once, until LinkExpiresAt.
	URL           string    `json:"url"`
	LinkExpiresAt time.Time `json:"link_expires_at"`
	// ExpiresAt is when the visit is over.
	ExpiresAt time.Time `json:"expires_at"`
}

// EntranceOf returns a link to the visit as JSON.
func EntranceOf(t *tenants.Tenant, v *tenants.Visit, url string) Entrance {
	return Entrance{t.Subdomain, v.Email, v.Reason, v.Writes, url, v.LinkExpiresAt.UTC(), v.ExpiresAt.UTC()}
}
