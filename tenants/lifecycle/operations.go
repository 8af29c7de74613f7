package lifecycle

import (
	"context"
	"fmt"
	"time"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// OperationFilter filters a list of operations. The zero value matches all of them.
type OperationFilter struct {
	// TenantID matches the operations on one tenant.
	TenantID string
	// Unfinished matches only unfinished operations.
	Unfinished bool
	// Subdomain matches the operations on tenants that had it when the operation began.
	Subdomain string
	// Kind, State and By match operations with these values; empty values match all.
	Kind  tenants.OperationKind
	State tenants.OperationState
	By    string
	// Since matches operations that began at this time or later, Until those that began before;
	// the zero time matches all.
	Since, Until time.Time
	// Newer matches operations that began after the one with this id.
	Newer string
}

// narrow adds the filter's conditions to tx.
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

// Operations returns up to limit operations, newest first, that began before the one with the
// id after. It also returns the value of after for the next page, empty at the end.
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

// OperationsSince returns up to limit operations that began after the one with the id after, the oldest first.
func (m *Manager) OperationsSince(ctx context.Context, after string, limit int) (page []tenants.Operation, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("id > ?", after).Order("id").Limit(limit).Find(&page).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list operations: %w", err)
	}
	return page, nil
}
