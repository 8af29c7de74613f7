package document

import (
	"time"

	"tenantry/tenants"
)

// Handle is an open database of a tenant as JSON.
type Handle struct {
	ID          string    `json:"id"`
	Subdomain   string    `json:"subdomain"`
	Server      string    `json:"server"`
	OpenedAt    time.Time `json:"opened_at"`
	Leases      int       `json:"leases"`
	Connections int       `json:"connections"`
	// IdleSince is null while scopes use the database.
	IdleSince *time.Time `json:"idle_since"`
}

// Handles returns a list of open databases.
func Handles(all []tenants.Handle) List[Handle] {
	documents := make([]Handle, len(all))
	for i, h := range all {
		documents[i] = Handle{ID: h.TenantID, Subdomain: h.Subdomain, Server: h.Server, OpenedAt: h.OpenedAt.UTC(), Leases: h.Leases, Connections: h.Connections}
		if !h.IdleSince.IsZero() {
			documents[i].IdleSince = inUTC(&h.IdleSince)
		}
	}
	return ListOf(documents, "")
}
