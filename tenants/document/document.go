// Package document represents tenants, domains and operations as JSON, for the operator's API
// and for commands. The only secrets in documents are an invitation, and an operator's token that was just made.
package document

import (
	"encoding/json"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/onboard"
)

// Tenant is a tenant as JSON.
type Tenant struct {
	ID            string        `json:"id"`
	Subdomain     string        `json:"subdomain"`
	Name          string        `json:"name"`
	State         tenants.State `json:"state"`
	Server        string        `json:"server"`
	Database      string        `json:"database"`
	SchemaVersion int64         `json:"schema_version"`
	// Domains are the custom hosts at which the tenant is served.
	Domains []string `json:"domains"`
	// Maintenance is set while an operator keeps the tenant closed.
	Maintenance *Maintenance `json:"maintenance,omitempty"`
	// RemoveAfter is set while a purged tenant can be restored.
	RemoveAfter *time.Time `json:"remove_after,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
}

// TenantOf returns the document of a tenant. It contains none of the tenant's secrets.
func TenantOf(t *tenants.Tenant) Tenant {
	state := t.State
	if t.ReadOnly {
		state = "read-only"
	}
	return Tenant{
		ID: t.ID, Subdomain: t.Subdomain, Name: t.Name, State: state, Server: t.Server,
		Database: t.Database, SchemaVersion: t.SchemaVersion, Domains: hosts(t.Domains), Maintenance: maintenanceOf(t.Maintenance), RemoveAfter: inUTC(t.RemoveAfter), CreatedAt: t.CreatedAt.UTC(),
	}
}

// Maintenance is what an operator keeps a tenant closed for, as JSON.
type Maintenance struct {
	Since   time.Time  `json:"since"`
	Message string     `json:"message"`
	Until   *time.Time `json:"until"`
}

// maintenanceOf returns nil if the tenant isn't closed.
func maintenanceOf(m tenants.Maintenance) *Maintenance {
	if !m.IsOn() {
		return nil
	}
	return &Maintenance{m.Since.UTC(), m.Message, inUTC(m.Until)}
}

// hosts returns the hosts of the verified domains.
func hosts(domains []tenants.Domain) []string {
	names := []string{}
	for _, d := range domains {
		if d.VerifiedAt != nil {
			names = append(names, d.Host)
		}
	}
	return names
}

func inUTC(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc := at.UTC()
	return &utc
}

// Domain is a tenant's domain as JSON.
type Domain struct {
	Host       string     `json:"host"`
	VerifiedAt *time.Time `json:"verified_at"`
	Primary    bool       `json:"primary"`
	// Record and Value are the name and the content of the TXT record that verifies the domain.
	Record string `json:"record"`
	Value  string `json:"value"`
}

// DomainOf returns the document of a domain. record is the name of its TXT record.
func DomainOf(d tenants.Domain, record string) Domain {
	return Domain{d.Host, inUTC(d.VerifiedAt), d.Main, record, d.Challenge}
}

// Domains returns a list of domains. record returns the name of a host's TXT record.
func Domains(found []tenants.Domain, record func(host string) string) List[Domain] {
	documents := make([]Domain, len(found))
	for i, d := range found {
		documents[i] = DomainOf(d, record(d.Host))
	}
	return ListOf(documents, "")
}

// Proof is what came of trying a tenant's backups, as JSON.
type Proof struct {
	// ProvenAt is the newest successful try, and BackupAt when the state that it restored was backed up. They are null if
	// there was none.
	ProvenAt *time.Time `json:"proven_at"`
	BackupAt *time.Time `json:"backup_at"`
	Took     float64    `json:"took_seconds"`
	Size     int64      `json:"size"`
	// TriedAt is the last try. Error says why it failed, and is empty if it didn't.
	TriedAt time.Time `json:"tried_at"`
	Error   string    `json:"error"`
}

// Backups says how a tenant's backups stand, as JSON.
type Backups struct {
	// BackedUpAt is when the last backup was made, as far as is known without asking the storage; null if none is known.
	BackedUpAt *time.Time `json:"backed_up_at"`
	// Proof is what came of trying them; null if none was tried.
	Proof *Proof `json:"backup_proof"`
}

// BackupsOf returns the document of a tenant's backups. Both may be nil.
func BackupsOf(at *time.Time, p *tenants.Proof) Backups { return Backups{inUTC(at), proofOf(p)} }

func proofOf(p *tenants.Proof) *Proof {
	if p == nil {
		return nil
	}
	return &Proof{inUTC(p.ProvenAt), inUTC(p.BackupAt), p.Took.Seconds(), p.Size, p.TriedAt.UTC(), p.Error}
}

// Operation is an operation as JSON.
type Operation struct {
	ID         string                 `json:"id"`
	Kind       tenants.OperationKind  `json:"kind"`
	TenantID   string                 `json:"tenant_id"`
	Subdomain  string                 `json:"subdomain"`
	State      tenants.OperationState `json:"state"`
	Step       string                 `json:"step"`
	By         string                 `json:"by"`
	Attempts   int64                  `json:"attempts"`
	Error      string                 `json:"error"`
	Params     json.RawMessage        `json:"params"`
	StartedAt  time.Time              `json:"started_at"`
	FinishedAt *time.Time             `json:"finished_at"`
}

// OperationOf returns the document of an operation.
func OperationOf(o tenants.Operation) Operation {
	return Operation{
		o.ID, o.Kind, o.TenantID, o.Subdomain, o.State, o.Step, o.By, o.Attempts, o.Error, json.RawMessage(o.Params),
		o.StartedAt.UTC(), inUTC(o.FinishedAt),
	}
}

// Operations returns a page of operations.
func Operations(page []tenants.Operation, next string) List[Operation] {
	documents := make([]Operation, len(page))
	for i, o := range page {
		documents[i] = OperationOf(o)
	}
	return ListOf(documents, next)
}

// Created is a newly created tenant.
type Created struct {
	Tenant
	// Invitation is set if an admin was requested without a password.
	Invitation *onboard.Invitation `json:"invitation,omitempty"`
}

// List is a page of results as JSON.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is the value of after for the next page. It is null at the end.
	Next *string `json:"next"`
}

// ListOf returns a page of items. next is the value of after for the next page, empty at the
// end. Without items, the JSON has an empty list and not null.
func ListOf[T any](items []T, next string) List[T] {
	page := List[T]{Items: append([]T{}, items...)}
	if next != "" {
		page.Next = &next
	}
	return page
}

// Tenants returns a page of tenants.
func Tenants(page []tenants.Tenant, next string) List[Tenant] {
	documents := make([]Tenant, len(page))
	for i := range page {
		documents[i] = TenantOf(&page[i])
	}
	return ListOf(documents, next)
}
