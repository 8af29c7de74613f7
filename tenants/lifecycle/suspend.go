package lifecycle

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/models"
)

// StateError: the tenant is in a state from which it can't be brought where it
// was asked to be.
type StateError struct {
	Subdomain string
	// State is where the tenant is, Want where it was to be.
	State, Want models.State
}

// Error names both states.
func (e *StateError) Error() string {
	return fmt.Sprintf("it is %s and can't become %s", e.State, e.Want)
}

// Suspend has the tenant served no more, in every process within a second;
// requests that run are finished. Its people read that it is suspended, and its
// data stays. A tenant that is suspended already stays as it is. It returns
// tenants.ErrUnknownTenant or a *StateError.
func (m *Manager) Suspend(ctx context.Context, subdomain string) (*models.Tenant, error) {
	return m.move(ctx, subdomain, models.StateActive, models.StateSuspended)
}

// Resume undoes Suspend, and fails as it does.
func (m *Manager) Resume(ctx context.Context, subdomain string) (*models.Tenant, error) {
	return m.move(ctx, subdomain, models.StateSuspended, models.StateActive)
}

// move brings a tenant from one state to another in one transaction. The epoch
// grows, so that handles of before are not leased again.
func (m *Manager) move(ctx context.Context, subdomain string, from, to models.State) (*models.Tenant, error) {
	var t models.Tenant
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		// SQLite ignores the lock: there, whole scopes come one after another.
		locked := tx.Clauses(clause.Locking{Strength: "UPDATE"})
		if err := locked.Where("subdomain = ?", subdomain).Take(&t).Error; err != nil {
			return err
		}
		switch t.State {
		case to:
			return nil
		case from:
			return tx.Model(&t).Updates(models.Tenant{State: to, Epoch: t.Epoch + 1}).Error
		}
		return &StateError{subdomain, t.State, to}
	})
	if err != nil {
		return nil, rowError(subdomain, err)
	}
	return &t, nil
}
