package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// StateError means that the tenant can't change from its present state to the wanted one.
type StateError struct {
	Subdomain string
	// State is the tenant's present state, Want the wanted one.
	State, Want tenants.State
}

// Error names both states.
func (e *StateError) Error() string {
	return fmt.Sprintf("it is %s and can't become %s", e.State, e.Want)
}

// Suspend stops serving the tenant, in every process within a second. Its users see that it is suspended,
// and its data stays. Running requests may finish, and are cancelled after the store's grace period;
// Suspend returns when none is left. It does nothing if the tenant is suspended already. Returns
// tenants.ErrUnknownTenant, a *StateError or an *UnderWayError. After any other error the tenant is
// suspended all the same, and the process that recovers operations does the rest.
func (m *Manager) Suspend(ctx context.Context, by Operator, subdomain string) (*tenants.Tenant, error) {
	return m.move(ctx, by, tenants.KindSuspend, subdomain, tenants.StateSuspended, tenants.StateActive)
}

// Resume undoes Suspend, and fails as it does. It migrates a tenant that is behind before
// serving it. If the migration fails, the tenant stays suspended.
func (m *Manager) Resume(ctx context.Context, by Operator, subdomain string) (*tenants.Tenant, error) {
	return m.move(ctx, by, tenants.KindResume, subdomain, tenants.StateActive, tenants.StateSuspended)
}

// Archive hides the tenant as if it did not exist, and keeps its data. It works and fails as Suspend does.
func (m *Manager) Archive(ctx context.Context, by Operator, subdomain string) (*tenants.Tenant, error) {
	return m.move(ctx, by, tenants.KindArchive, subdomain, tenants.StateArchived, tenants.StateActive, tenants.StateSuspended)
}

// move changes the tenant's state from one of several to another. It increments the epoch, so
// that older handles are not leased again.
func (m *Manager) move(ctx context.Context, by Operator, kind tenants.OperationKind, subdomain string, to tenants.State, from ...tenants.State) (*tenants.Tenant, error) {
	return m.do(ctx, by, kind, subdomain, func(tx *gorm.DB, j *job) error {
		switch {
		case j.tenant.State == to:
			return errUnchanged
		case !slices.Contains(from, j.tenant.State):
			return &StateError{j.tenant.Subdomain, j.tenant.State, to}
		}
		j.params.From = j.tenant.State
		if to == tenants.StateActive {
			return m.markServed(tx, j)
		}
		return mark(tx, j, map[string]any{"state": to})
	})
}

// markServed makes the tenant served, at once or, if it is behind, after its migration.
func (m *Manager) markServed(tx *gorm.DB, j *job) error {
	engine, err := m.engine(j)
	if err != nil || j.tenant.SchemaVersion >= engine.SchemaVersion() {
		j.plan.steps = nil
		return mark(tx, j, map[string]any{"state": tenants.StateActive})
	}
	j.params.Version = engine.SchemaVersion()
	return mark(tx, j, map[string]any{"state": tenants.StateMaintenance})
}

// do begins an operation on the tenant and runs its steps. It returns the tenant as it is
// afterwards, even if there was nothing to do.
func (m *Manager) do(ctx context.Context, by Operator, kind tenants.OperationKind, subdomain string, change func(tx *gorm.DB, j *job) error) (*tenants.Tenant, error) {
	return m.doAsked(ctx, by, kind, subdomain, params{}, change)
}

// doAsked is do for an operation that is more than its kind: hooks see what was asked for, with which the operation's
// parameters begin.
func (m *Manager) doAsked(ctx context.Context, by Operator, kind tenants.OperationKind, subdomain string, asked params, change func(tx *gorm.DB, j *job) error) (*tenants.Tenant, error) {
	if err := m.askAbout(ctx, by, kind, subdomain, asked); err != nil {
		return nil, fmt.Errorf("tenant %q: %w", subdomain, err)
	}
	called := subdomain
	j, err := m.begin(ctx, by, kind, func(tx *gorm.DB, j *job) error {
		err := load(tx, j, subdomain)
		called = cmp.Or(j.tenant.Subdomain, subdomain) // it may be an id
		if err != nil {
			return err
		}
		j.params = asked
		err = change(tx, j)
		j.plan = m.withHooks(kind, j.params, j.plan)
		return err
	})
	if errors.Is(err, errUnchanged) {
		return &j.tenant, nil
	}
	if err != nil {
		return nil, rowError(called, err)
	}
	return m.finish(ctx, j)
}

// finish runs the steps of an operation that was begun.
func (m *Manager) finish(ctx context.Context, j *job) (*tenants.Tenant, error) {
	if err := m.run(ctx, j, true); err != nil {
		return nil, fmt.Errorf("%s tenant %q: %w", j.op.Kind, j.tenant.Subdomain, err)
	}
	return &j.tenant, nil
}

// load locks and reads the tenant's row. Returns gorm.ErrRecordNotFound, or an *UnderWayError
// if the tenant has an unfinished operation.
func load(tx *gorm.DB, j *job, subdomain string) error {
	found, err := find(tx, subdomain)
	if err != nil {
		return err
	}
	if err := forUpdate(tx).Take(&j.tenant, "id = ?", found.ID).Error; err != nil {
		return err
	}
	var unfinished []tenants.Operation
	if err := tx.Where("tenant_id = ? AND finished_at IS NULL", j.tenant.ID).Find(&unfinished).Error; err != nil {
		return err
	}
	if len(unfinished) > 0 {
		return &UnderWayError{j.tenant.Subdomain, unfinished[0]}
	}
	return nil
}

// mark changes columns of the job's tenant, and increments its epoch. Operators' visits end when the tenant is suspended or
// hidden.
func mark(tx *gorm.DB, j *job, columns map[string]any) error {
	switch columns["state"] {
	case tenants.StateSuspended, tenants.StateArchived, tenants.StatePurged:
		if err := tenants.EndVisits(tx, j.now, tenants.VisitClosed, "tenant_id = ?", j.tenant.ID); err != nil {
			return err
		}
	}
	columns["epoch"] = j.tenant.Epoch + 1
	return setTenant(tx, j, columns)
}
