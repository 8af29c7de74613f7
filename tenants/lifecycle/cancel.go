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

// Cancel ends an operation on the tenant that no process works on, because one of
// its steps can't succeed. The tenant is as the operation found it, where that can be
// said without its database, and else as the operation would have left it; what
// is then wrong with its database is a finding of Doctor's. Cancelling is an
// operation itself. It returns the cancelled operation, ErrNothingToCancel, or
// an *UnderWayError while a process works on the operation.
func (m *Manager) Cancel(ctx context.Context, by Operator, subdomain string) (*tenants.Operation, error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	o, err := m.Unfinished(ctx, t)
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
	return &j.op, nil
}

// Unfinished is the operation on the tenant that is under way, or
// ErrNothingToCancel.
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

// cancel finishes the job as failed, and writes down who had it cancelled.
func (m *Manager) cancel(tx *gorm.DB, by Operator, j *job, now time.Time) error {
	j.op.Error = fmt.Sprintf("cancelled by %s at step %s; last error: %s", by, j.op.Step, j.op.Error)
	j.op.State, j.op.Step, j.op.InstanceID, j.op.FinishedAt, j.op.UpdatedAt = tenants.OperationFailed, "", nil, &now, now
	if j.plan.cancelled != nil {
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

// archiveAgain has a tenant that can't be purged archived as it was. Its domains
// are gone.
func archiveAgain(tx *gorm.DB, j *job) error {
	if err := tx.Delete(&tenants.RetiredSubdomain{}, "subdomain = ? AND tenant_id = ?", j.op.Subdomain, j.tenant.ID).Error; err != nil {
		return err
	}
	return taken(mark(tx, j, map[string]any{"state": j.params.From, "subdomain": j.op.Subdomain, "remove_after": nil}))
}

// keepPurged has a tenant purged whose restoring can't be finished.
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
