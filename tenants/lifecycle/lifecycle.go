// Package lifecycle is an operator's way through the house: it creates
// tenants, suspends and resumes them, lists them in whatever state they are,
// and finds what is wrong with them.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
)

// Manager does to tenants what operators ask for. It is safe for concurrent use.
type Manager struct {
	store  *tenants.Store
	master *tenants.Master
	log    *slog.Logger
}

// New makes a manager of the tenants in store; a nil log means slog.Default().
func New(store *tenants.Store, log *slog.Logger) *Manager {
	if log == nil {
		log = slog.Default()
	}
	return &Manager{store: store, master: store.Master(), log: log}
}

// Get returns the tenant in whatever state it is, or tenants.ErrUnknownTenant.
func (m *Manager) Get(ctx context.Context, subdomain string) (*models.Tenant, error) {
	var t models.Tenant
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("subdomain = ?", subdomain).Take(&t).Error
	})
	if err != nil {
		return nil, rowError(subdomain, err)
	}
	return &t, nil
}

// rowError names the tenant in an error of its row.
func rowError(subdomain string, err error) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = tenants.ErrUnknownTenant
	}
	return fmt.Errorf("tenant %q: %w", subdomain, err)
}

// List returns up to limit tenants whose subdomain comes after the given one,
// in that order, and the subdomain to go on after, empty at the end.
func (m *Manager) List(ctx context.Context, after string, limit int) (page []models.Tenant, next string, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("subdomain > ?", after).Order("subdomain").Limit(limit + 1).Find(&page).Error
	})
	if err != nil {
		return nil, "", fmt.Errorf("list tenants: %w", err)
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Subdomain
	}
	return page, next, nil
}
