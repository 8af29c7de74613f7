package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// ErrNotLetIn is returned where a person could not be let in to a tenant.
var ErrNotLetIn = errors.New("the admin was not let in")

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
		return fmt.Errorf("%w: %s: %w", ErrNotLetIn, j.params.Email, err)
	}
	return nil
}

// errNoAdmin is returned where nobody knows any more how to let a tenant's first
// admin in.
var errNoAdmin = errors.New("the creation was interrupted before its admin was let in: begin it again")

// letFirstIn lets the first admin of a tenant in that is being created. After the
// process that was asked to has died it is done as Options.LetIn does it.
func letFirstIn(m *Manager, ctx context.Context, j *job) error {
	do := j.letIn
	if do == nil && m.letIn == nil {
		return errNoAdmin
	}
	if do == nil {
		do = func(ctx context.Context, t *tenants.Tenant) error { return m.letIn(ctx, t, j.params.Email) }
	}
	t := j.tenant
	if err := do(ctx, &t); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNotLetIn, j.params.Email, err)
	}
	return nil
}

// nothing is done in the master.
func nothing(*gorm.DB, *job) error { return nil }
