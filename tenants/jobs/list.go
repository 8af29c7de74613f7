package jobs

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// List returns at most limit jobs of a tenant, or those without tenant if t is nil, whose ids come after one, in the order of their ids, and the id after which the next page
// begins, or "". It is for operators: it reads tenants that aren't served, too.
func List(ctx context.Context, store *tenants.Store, t *tenants.Tenant, state State, after string, limit int) (page []Row, next string, err error) {
	err = Home{store, t}.maintain(ctx, func(tx *gorm.DB) error {
		found := tx.Where("id > ?", after).Order("id").Limit(limit + 1)
		if state != "" {
			found = found.Where("state = ?", state)
		}
		return found.Find(&page).Error
	})
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, err
}

// Discards returns how many discarded jobs of a tenant, or without tenant if t is nil, Retry would make run again.
func Discards(ctx context.Context, store *tenants.Store, t *tenants.Tenant, ids ...string) (n int64, err error) {
	home := Home{store, t}
	err = home.maintain(ctx, func(tx *gorm.DB) error { return discarded(tx, ids).Count(&n).Error })
	if err != nil {
		return 0, fmt.Errorf("discarded jobs of tenant %q: %w", home.name(), err)
	}
	return n, nil
}

// discarded selects discarded jobs: all if there are no ids.
func discarded(tx *gorm.DB, ids []string) *gorm.DB {
	selected := tx.Model(&Row{}).Where("state = ?", Discarded)
	if len(ids) > 0 {
		selected = selected.Where("id IN ?", ids)
	}
	return selected
}

// Retry makes discarded jobs of a tenant, or without tenant if t is nil, run again, all of them if no ids are given, and returns how many there were. Each
// has all of its attempts again. It is for operators.
func Retry(ctx context.Context, store *tenants.Store, t *tenants.Tenant, ids ...string) (n int64, err error) {
	now, home := instant(time.Now()), Home{store, t}
	err = home.maintain(ctx, func(tx *gorm.DB) error {
		// Another job with the unique key may wait.
		changed := discarded(tx, ids).Updates(map[string]any{
			"state": Available, "attempt": 0, "unique_key": nil, "scheduled_at": now, "updated_at": now,
		})
		if n = changed.RowsAffected; n > 0 {
			tenants.MarkDue(tx, now)
		}
		return changed.Error
	})
	if err != nil {
		return 0, fmt.Errorf("retry jobs of tenant %q: %w", home.name(), err)
	}
	return n, nil
}
