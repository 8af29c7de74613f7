package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// LetIn has work let a person in to the tenant, active or suspended, as an
// operation of the kind tenants.KindAdmin or tenants.KindInvite. email is who that
// is, for the ledger. What work does the engine doesn't know; it reaches the
// tenant by tenants.Store's Maintain. When the process dies no other can
// resume work, and the operation has failed. LetIn returns work's error, and fails as
// Suspend does.
func (m *Manager) LetIn(ctx context.Context, by Operator, kind tenants.OperationKind, name, email string,
	work func(ctx context.Context, t *tenants.Tenant) error) error {
	_, err := m.do(ctx, by, kind, name, func(_ *gorm.DB, j *job) error {
		switch j.tenant.State {
		case tenants.StateActive, tenants.StateSuspended:
		default:
			return &StateError{name, j.tenant.State, tenants.StateActive}
		}
		j.params.Email, j.letIn = email, work
		return nil
	})
	return err
}

// errLetInBroken: the process that knew whom to let in, and how, has died.
var errLetInBroken = errors.New("it was interrupted, and may have been done or not: do it again")

func letIn(m *Manager, ctx context.Context, j *job) error {
	if j.letIn == nil {
		return errLetInBroken
	}
	t, err := m.Get(ctx, j.tenant.ID) // with the domains, where links lead
	if err != nil {
		return err
	}
	if err := j.letIn(ctx, t); err != nil {
		return fmt.Errorf("let %s in: %w", j.params.Email, err)
	}
	return nil
}

// nothing is done in the master.
func nothing(*gorm.DB, *job) error { return nil }
