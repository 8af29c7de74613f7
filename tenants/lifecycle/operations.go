package lifecycle

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"tenantry/models"
)

// OperationFilter narrows a list of operations. The zero filter takes all.
type OperationFilter struct {
	// TenantID takes those on one tenant.
	TenantID string
	// Unfinished takes those that are not over.
	Unfinished bool
	// Subdomain takes those on tenants that had it when they began.
	Subdomain string
	// Since takes those that began after the one with the id.
	Since string
}

// Operations returns up to limit operations, the newest first, that began before
// the one with the id after, and the id to go on after, empty at the end.
func (m *Manager) Operations(ctx context.Context, f OperationFilter, after string, limit int) (page []models.Operation, next string, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		if f.TenantID != "" {
			tx = tx.Where("tenant_id = ?", f.TenantID)
		}
		if f.Unfinished {
			tx = tx.Where("finished_at IS NULL")
		}
		if f.Subdomain != "" {
			tx = tx.Where("subdomain = ?", f.Subdomain)
		}
		if f.Since != "" {
			tx = tx.Where("id > ?", f.Since)
		}
		if after != "" {
			tx = tx.Where("id < ?", after)
		}
		return tx.Order("id DESC").Limit(limit + 1).Find(&page).Error
	})
	if err != nil {
		return nil, "", fmt.Errorf("list operations: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, nil
}
