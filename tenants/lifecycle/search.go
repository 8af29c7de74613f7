package lifecycle

import (
	"context"
	"fmt"
	"strings"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Search narrows a list of tenants. The zero Search takes all.
type Search struct {
	// Text is part of the subdomain or the name, in whatever case, or the id.
	Text string
	// State, Server and SchemaVersion are those of the tenants; empty or 0 takes
	// all.
	State         tenants.State
	Server        string
	SchemaVersion int64
	// Present leaves out purged tenants, unless State asks for them.
	Present bool
}

// narrow narrows tx to the tenants that the search takes.
func (s Search) narrow(tx *gorm.DB) *gorm.DB {
	switch {
	case s.State != "":
		tx = tx.Where("state = ?", s.State)
	case s.Present:
		tx = tx.Where("state <> ?", tenants.StatePurged)
	}
	if s.Server != "" {
		tx = tx.Where("server = ?", s.Server)
	}
	if s.SchemaVersion != 0 {
		tx = tx.Where("schema_version = ?", s.SchemaVersion)
	}
	if text := Fold(s.Text); text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
		tx = tx.Where(`subdomain LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\' OR id = ?`, pattern, pattern, text)
	}
	return tx
}

// Takes tells whether the search takes the tenant.
func (s Search) Takes(t *tenants.Tenant) bool {
	text := Fold(s.Text)
	return (s.State == "" || t.State == s.State) && (s.State != "" || !s.Present || t.State != tenants.StatePurged) &&
		(s.Server == "" || t.Server == s.Server) && (s.SchemaVersion == 0 || t.SchemaVersion == s.SchemaVersion) &&
		(strings.Contains(t.Subdomain, text) || strings.Contains(Fold(t.Name), text) || t.ID == text)
}

// Fold has the ASCII letters of a search in lower case, as lower() has those of
// a name in the master. Other letters count as they are written.
func Fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// List is Find for all tenants.
func (m *Manager) List(ctx context.Context, after string, limit int) (page []tenants.Tenant, next string, err error) {
	return m.Find(ctx, Search{}, after, limit)
}

// Find returns up to limit tenants that the search takes and whose subdomain comes
// after the given one, in that order, with their domains, and the subdomain to go
// on after, empty at the end. It reads in the order of the index on subdomains, so
// that it ends when the page is full.
func (m *Manager) Find(ctx context.Context, s Search, after string, limit int) (page []tenants.Tenant, next string, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return s.narrow(withDomains(tx)).Where("subdomain > ?", after).Order("subdomain").Limit(limit + 1).Find(&page).Error
	})
	if err != nil {
		return nil, "", fmt.Errorf("find tenants: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Subdomain
	}
	return page, next, nil
}

// Databases returns where the databases are of all tenants that the search takes:
// their ID, Server and Database alone.
func (m *Manager) Databases(ctx context.Context, s Search) (found []tenants.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return s.narrow(tx).Select("id", "server", "database").Find(&found).Error
	})
	if err != nil {
		return nil, fmt.Errorf("find databases: %w", err)
	}
	return found, nil
}

// HasTenants tells whether any tenant is on the server.
func (m *Manager) HasTenants(ctx context.Context, server string) (has bool, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		var ids []string
		err := tx.Model(&tenants.Tenant{}).Where("server = ?", server).Limit(1).Pluck("id", &ids).Error
		has = len(ids) > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("find tenants on server %q: %w", server, err)
	}
	return has, nil
}
