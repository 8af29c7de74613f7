package document

import (
	"time"

	"tenantry/tenants"
)

// Handle is an open database of a tenant as JSON.
type Handle struct {
	// Process is the process that has it open.
	Process     string    `json:"process"`
	ID          string    `json:"id"`
	Subdomain   string    `json:"subdomain"`
	Server      string    `json:"server"`
	OpenedAt    time.Time `json:"opened_at"`
	Leases      int       `json:"leases"`
	Connections int       `json:"connections"`
	// IdleSince is null while scopes use the database.
	IdleSince *time.Time `json:"idle_since"`
}

// HandleList is a list of open databases.
type HandleList struct {
	List[Handle]
	// Open is how many there are, also those beyond the list.
	Open int `json:"open"`
	// Silent are processes that didn't answer in time.
	Silent []string `json:"silent"`
}

// Handles returns a list of open databases.
func Handles(found tenants.OpenHandles) HandleList {
	documents := make([]Handle, len(found.Handles))
	for i, h := range found.Handles {
		documents[i] = Handle{Process: h.Process, ID: h.TenantID, Subdomain: h.Subdomain, Server: h.Server, OpenedAt: h.OpenedAt.UTC(), Leases: h.Leases, Connections: h.Connections}
		if !h.IdleSince.IsZero() {
			documents[i].IdleSince = inUTC(&h.IdleSince)
		}
	}
	return HandleList{ListOf(documents, ""), found.Open, append([]string{}, found.Silent...)}
}
