package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrNothingToCancel means that the tenant has no unfinished operation.
var ErrNothingToCancel = errors.New("no operation is under way")

// Cancel ends an operation on the tenant that no process works on, for operations with a step
// that can't succeed. The tenant returns to its state before the operation if that can be
// decided without its database; otherwise it gets the state that the operation would have given
// it, and Doctor reports what is then wrong with its database. A cancellation is itself an
// operation in the ledger. Cancel returns the cancelled operation. Returns ErrNothingToCancel,
// or an *UnderWayError if a process works on the operation.
func (m *Manager) Cancel(ctx context.Context, by Operator, subdomain string) (*tenants.Operation, error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	o, err := m.Unfinished(ctx, t)
	if err == nil {
		o, err = m.whole(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	j, err := m.takeOver(ctx, o.ID)
	if err == nil && j == nil {
		err = &UnderWayError{subdomain, *o}
	}
	if err != nil {
		return nil, rowError(subdomain, err)
	}
	defer m.store.Process().Release(o.ID)
	m.at(tenants.KindCancel, "begin", "before")
	err = m.change(ctx, j, func(tx *gorm.DB, now time.Time) error { return m.cancel(tx, by, j, now) })
	if err != nil {
		return nil, errors.Join(rowError(subdomain, err), m.putBack(ctx, j, errors.New(o.Error)))
	}
	m.at(tenants.KindCancel, "begin", "after")
	m.store.Refresh(j.tenant.ID)
	if j.params.With != "" {
		m.store.Refresh(j.params.With)
	}
	return &j.op, nil
}

// Unfinished returns the tenant's unfinished operation, or ErrNothingToCancel.
func (m *Manager) Unfinished(ctx context.Context, t *tenants.Tenant) (*tenants.Operation, error) {
	page, _, err := m.Operations(ctx, OperationFilter{TenantID: t.ID, Unfinished: true}, "", 1)
	if err == nil && len(page) == 0 {
		err = fmt.Errorf("tenant %q: %w", t.Subdomain, ErrNothingToCancel)
	}
	if err != nil {
		return nil, err
	}
	return &page[0], nil
}

// cancel finishes the job as failed, and records the operator who cancelled it.
func (m *Manager) cancel(tx *gorm.DB, by Operator, j *job, now time.Time) error {
	hooksAreLeft := isAfter(j.op.Step)
	j.op.Error = fmt.Sprintf("cancelled by %s at step %s; last error: %s", by, j.op.Step, j.op.Error)
	j.op.State, j.op.Step, j.op.InstanceID, j.op.FinishedAt, j.op.UpdatedAt = tenants.OperationFailed, "", nil, &now, now
	if j.plan.cancelled != nil && !hooksAreLeft {
		if err := j.plan.cancelled(tx, j); err != nil {
			return err
		}
	}
	record, err := m.newJob(tx, by, tenants.KindCancel)
	if err != nil {
		return err
	}
	record.tenant, record.op.Subdomain = tenants.Tenant{ID: j.op.TenantID, Subdomain: j.op.Subdomain}, j.op.Subdomain
	if err := tx.Select("*").Omit("Acknowledgements").Updates(&j.op).Error; err != nil { // a tenant has one unfinished operation at most
		return err
	}
	return record.write(tx)
}

// archiveAgain returns a tenant that can't be purged to the archived state. Its domains are
// lost.
func archiveAgain(tx *gorm.DB, j *job) error {
	if err := tx.Delete(&tenants.RetiredSubdomain{}, "subdomain = ? AND tenant_id = ?", j.op.Subdomain, j.tenant.ID).Error; err != nil {
		return err
	}
	return taken(mark(tx, j, map[string]any{"state": j.params.From, "subdomain": j.op.Subdomain, "remove_after": nil}))
}

// keepPurged returns a tenant whose restore can't be finished to the purged state.
func keepPurged(tx *gorm.DB, j *job) error {
	if j.tenant.State == tenants.StatePurged {
		return nil
	}
	return purgeAgain(tx, j)
}

// forgetTenant deletes the row of a tenant whose creation can't be finished.
func forgetTenant(tx *gorm.DB, j *job) error {
	if j.tenant.State != tenants.StateProvisioning && j.tenant.Subdomain != tenants.UndoneSubdomain(j.tenant.ID) {
		return nil
	}
	return deleteTenant(tx, j)
}
