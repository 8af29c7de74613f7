package operator

import (
	"time"

	"tenantry/models"
)

// Tenant is a tenant as JSON.
type Tenant struct {
	ID            string       `json:"id"`
	Subdomain     string       `json:"subdomain"`
	Name          string       `json:"name"`
	State         models.State `json:"state"`
	Server        string       `json:"server"`
	Database      string       `json:"database"`
	SchemaVersion int64        `json:"schema_version"`
	// Domains are the hosts beside the subdomain at which it is reached.
	Domains   []string  `json:"domains"`
	CreatedAt time.Time `json:"created_at"`
}

// TenantOf is the document of a tenant. It holds none of its secrets.
func TenantOf(t *models.Tenant) Tenant {
	return Tenant{
		ID: t.ID, Subdomain: t.Subdomain, Name: t.Name, State: t.State, Server: t.Server,
		Database: t.Database, SchemaVersion: t.SchemaVersion, Domains: []string{}, CreatedAt: t.CreatedAt.UTC(),
	}
}

// Invitation is a link with which an admin sets a password, once.
type Invitation struct {
	// URL is a secret, and is told this one time.
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Created is a tenant that was just made.
type Created struct {
	Tenant
	// Invitation is there when an admin was asked for, and no password given.
	Invitation *Invitation `json:"invitation,omitempty"`
}

// List is a page of results as JSON.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is what to list after; null at the end.
	Next *string `json:"next"`
}

// ListOf is a page with what to list after, empty at the end. No items are an
// empty list, not null.
func ListOf[T any](items []T, next string) List[T] {
	page := List[T]{Items: append([]T{}, items...)}
	if next != "" {
		page.Next = &next
	}
	return page
}

// Tenants is a page of tenants.
func Tenants(page []models.Tenant, next string) List[Tenant] {
	documents := make([]Tenant, len(page))
	for i := range page {
		documents[i] = TenantOf(&page[i])
	}
	return ListOf(documents, next)
}
