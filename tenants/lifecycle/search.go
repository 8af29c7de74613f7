package lifecycle

import (
	"context"
	"fmt"
	"strings"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Search filters a list of tenants. The zero value matches all of them.
type Search struct {
	// Text matches a part of the subdomain or of the name, ignoring case, or the id.
	Text string
	// State, Server and SchemaVersion match tenants with these values; empty or 0 matches all.
	State         tenants.State
	Server        string
	SchemaVersion int64
	// Settings matches tenants with all of these values.
	Settings []tenants.SettingFilter
	// Present omits purged tenants, unless State asks for them.
	Present bool
}

// IsZero reports whether the search matches all tenants.
func (s Search) IsZero() bool {
	return s.Text == "" && s.State == "" && s.Server == "" && s.SchemaVersion == 0 && len(s.Settings) == 0 && !s.Present
}

// narrow adds the search's conditions to tx.
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
	for _, setting := range s.Settings {
		tx = setting.Narrow(tx)
	}
	if text := Fold(s.Text); text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
		tx = tx.Where(`subdomain LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\' OR id = ?`, pattern, pattern, text)
	}
	return tx
}

// Takes reports whether the search matches the tenant.
func (s Search) Takes(t *tenants.Tenant) bool {
	text := Fold(s.Text)
	for _, setting := range s.Settings {
		if !setting.Takes(t) {
			return false
		}
	}
	return (s.State == "" || t.State == s.State) && (s.State != "" || !s.Present || t.State != tenants.StatePurged) &&
		(s.Server == "" || t.Server == s.Server) && (s.SchemaVersion == 0 || t.SchemaVersion == s.SchemaVersion) &&
		(strings.Contains(t.Subdomain, text) || strings.Contains(Fold(t.Name), text) || t.ID == text)
}

// Fold returns text with its ASCII letters in lower case, as the master's lower() does with
// names. It doesn't change other letters.
func Fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// List is Find without a filter.
func (m *Manager) List(ctx context.Context, after string, limit int) (page []tenants.Tenant, next string, err error) {
	return m.Find(ctx, Search{}, after, limit)
}

// Find returns up to limit tenants that match the search and whose subdomain comes after the
// given one, sorted by subdomain and with their domains. It also returns the value of after for
// the next page, empty at the end. It reads in the order of the index on subdomains, so it
// stops when the page is full.
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

// Databases returns the ID, Server and Database of all tenants that match the search, and none
// of their other fields.
func (m *Manager) Databases(ctx context.Context, s Search) (found []tenants.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return s.narrow(tx).Select("id", "server", "database").Find(&found).Error
	})
	if err != nil {
		return nil, fmt.Errorf("find databases: %w", err)
	}
	return found, nil
}

// HasTenants reports whether any tenant is on the server.
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
