package lifecycle

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"tenantry/models"
)

// Census is what the master knows of all tenants together.
type Census struct {
	// Groups count the tenants; none is empty.
	Groups []Group
	// Unfinished are the operations that are not over.
	Unfinished int64
	// Recent are the last operations, the newest first.
	Recent []models.Operation
	// Instances are the live processes, the oldest first.
	Instances []models.Instance
}

// Group is how many tenants are in a state, on a server, and have a schema
// version.
type Group struct {
	State         models.State
	Server        string
	SchemaVersion int64
	Tenants       int64
}

// recentOperations is how many operations a census tells of.
const recentOperations = 8

// Census counts all tenants, in one transaction on the master alone.
func (m *Manager) Census(ctx context.Context) (Census, error) {
	var c Census
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&models.Tenant{}).Select("state, server, schema_version, count(*) AS tenants").
			Group("state, server, schema_version").Order("state, server, schema_version").Scan(&c.Groups).Error
		if err != nil {
			return err
		}
		if err := tx.Model(&models.Operation{}).Where("finished_at IS NULL").Count(&c.Unfinished).Error; err != nil {
			return err
		}
		if err := tx.Order("id DESC").Limit(recentOperations).Find(&c.Recent).Error; err != nil {
			return err
		}
		c.Instances, err = m.master.Living(tx)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("count tenants: %w", err)
	}
	return c, nil
}

// ByID returns the tenants with the ids by those, without their domains. Ids
// that nobody has are left out.
func (m *Manager) ByID(ctx context.Context, ids []string) (map[string]*models.Tenant, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var found []models.Tenant
	err := m.master.View(ctx, func(tx *gorm.DB) error { return tx.Find(&found, "id IN ?", ids).Error })
	if err != nil {
		return nil, fmt.Errorf("read tenants: %w", err)
	}
	byID := make(map[string]*models.Tenant, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	return byID, nil
}

// Search narrows a list of tenants. The zero Search takes all.
type Search struct {
	// Text is part of the subdomain or the name, in whatever case.
	Text string
	// State and Server are those of the tenants; empty takes all.
	State  models.State
	Server string
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

// Find is List for the tenants that the search takes. It reads them in the order
// of the index on subdomains, so that it ends when the page is full.
func (m *Manager) Find(ctx context.Context, s Search, after string, limit int) (page []models.Tenant, next string,
	err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		if s.State != "" {
			tx = tx.Where("state = ?", s.State)
		}
		if s.Server != "" {
			tx = tx.Where("server = ?", s.Server)
		}
		if text := Fold(s.Text); text != "" {
			pattern := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text) + "%"
			tx = tx.Where(`subdomain LIKE ? ESCAPE '\' OR lower(name) LIKE ? ESCAPE '\'`, pattern, pattern)
		}
		return tx.Where("subdomain > ?", after).Order("subdomain").Limit(limit + 1).Find(&page).Error
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
