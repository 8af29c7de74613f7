package lifecycle

import (
	"context"
	"fmt"
	"time"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// OperationFilter narrows a list of operations. The zero filter takes all.
type OperationFilter struct {
	// TenantID takes those on one tenant.
	TenantID string
	// Unfinished takes those that are not over.
	Unfinished bool
	// Subdomain takes those on tenants that had it when they began.
	Subdomain string
	// Kind, State and By are theirs; empty takes all.
	Kind  tenants.OperationKind
	State tenants.OperationState
	By    string
	// Since takes those that began then or later, Until those that began before;
	// the zero time takes all.
	Since, Until time.Time
	// Newer takes those that began after the one with the id.
	Newer string
}

// narrow narrows tx to the operations that the filter takes.
func (f OperationFilter) narrow(tx *gorm.DB) *gorm.DB {
	for column, value := range map[string]string{
		"tenant_id": f.TenantID, "subdomain": f.Subdomain, "kind": string(f.Kind), "state": string(f.State), "started_by": f.By,
	} {
		if value != "" {
			tx = tx.Where(column+" = ?", value)
		}
	}
	if f.Unfinished {
		tx = tx.Where("finished_at IS NULL")
	}
	if !f.Since.IsZero() {
		tx = tx.Where("started_at >= ?", f.Since.UTC())
	}
	if !f.Until.IsZero() {
		tx = tx.Where("started_at < ?", f.Until.UTC())
	}
	if f.Newer != "" {
		tx = tx.Where("id > ?", f.Newer)
	}
	return tx
}

// Operations returns up to limit operations, the newest first, that began before
// the one with the id after, and the id to go on after, empty at the end.
func (m *Manager) Operations(ctx context.Context, f OperationFilter, after string, limit int) (page []tenants.Operation, next string, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		tx = f.narrow(tx)
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
