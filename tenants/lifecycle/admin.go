package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// ErrAdminNotAdded means that a person could not be given access to a tenant.
var ErrAdminNotAdded = errors.New("the admin could not be added")

// AddAdmin gives a person access to a tenant, active or suspended, by calling work in an operation
// of kind tenants.KindAdmin or tenants.KindInvite. email identifies the person in the ledger.
// The engine doesn't know what work does; work opens the tenant with tenants.Store's Maintain.
// If the process dies, no other process can resume work, and the operation fails. AddAdmin returns
// work's error, and otherwise fails as Suspend does.
func (m *Manager) AddAdmin(ctx context.Context, by Operator, kind tenants.OperationKind, name, email string,
	work func(ctx context.Context, t *tenants.Tenant) error) error {
	_, err := m.do(ctx, by, kind, name, func(_ *gorm.DB, j *job) error {
		switch j.tenant.State {
		case tenants.StateActive, tenants.StateSuspended:
		default:
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateActive}
		}
		j.params.Email, j.addAdmin = email, work
		return nil
	})
	return err
}

// errAddAdminInterrupted means that the process that held the work of AddAdmin died.
var errAddAdminInterrupted = errors.New("it was interrupted, and may or may not have been done: do it again")

func addAdmin(m *Manager, ctx context.Context, j *job) error {
	if j.addAdmin == nil {
		return errAddAdminInterrupted
	}
	t, err := m.Get(ctx, j.tenant.ID) // with the domains, where links lead
	if err != nil {
		return err
	}
	if err := j.addAdmin(ctx, t); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAdminNotAdded, j.params.Email, err)
	}
	return nil
}

// errNoAdmin means that no process can give a tenant's first admin access any more.
var errNoAdmin = errors.New("the creation was interrupted before its admin was added: create the tenant again")

// addFirstAdmin gives the first admin access to a tenant that is being created. If the process
// that began the creation died, addFirstAdmin calls Options.AddAdmin instead.
func addFirstAdmin(m *Manager, ctx context.Context, j *job) error {
	do := j.addAdmin
	if do == nil && m.addAdmin == nil {
		return errNoAdmin
	}
	if do == nil {
		do = func(ctx context.Context, t *tenants.Tenant) error { return m.addAdmin(ctx, t, j.params.Email) }
	}
	t := j.tenant
	if err := do(ctx, &t); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrAdminNotAdded, j.params.Email, err)
	}
	return nil
}

// nothing is the record of a step that changes nothing in the master.
func nothing(*gorm.DB, *job) error { return nil }
