package tenants

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/models"
)

// StepDrain is the step of an operation during which every process lets go of
// the tenant: it leases the tenant no more as it was before, waits for its
// scopes, closes the handle, and acknowledges that in the master. Whoever runs
// the operation marks the tenant first, with a greater epoch, and goes on when
// all live instances have acknowledged.
const StepDrain = "drain"

// drain is an operation that waits for this process.
type drain struct {
	OperationID, TenantID string
	Epoch                 int64
}

// drainsSQL finds the drains that an instance has not acknowledged.
const drainsSQL = `SELECT o.id AS operation_id, o.tenant_id, t.epoch
FROM operations o JOIN tenants t ON t.id = o.tenant_id
WHERE o.finished_at IS NULL AND o.step = ?
AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.operation_id = o.id AND a.instance_id = ?)`

// acknowledgeSQL acknowledges an operation that is not over.
const acknowledgeSQL = `INSERT INTO acknowledgements (operation_id, instance_id)
SELECT o.id, i.id FROM operations o, instances i WHERE o.id = ? AND o.finished_at IS NULL AND i.id = ?
ON CONFLICT DO NOTHING`

// lookForDrains has drainTenants look.
func (s *Store) lookForDrains() {
	select {
	case s.changed <- struct{}{}:
	default: // it will look anyway
	}
}

// drainTenants drains tenants for operations until ctx ends.
func (s *Store) drainTenants(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		}
		drains, err := s.findDrains(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.log.WarnContext(ctx, "look for operations that wait for this process", "error", err)
			}
			continue // the next heartbeat looks again
		}
		for _, d := range drains {
			if _, begun := s.drains.LoadOrStore(d.OperationID, d); !begun {
				s.running.Go(func() { s.drain(ctx, d) })
			}
		}
	}
}

func (s *Store) findDrains(ctx context.Context) (found []drain, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Raw(drainsSQL, StepDrain, s.instance.ID()).Scan(&found).Error
	})
	return found, err
}

// drain lets go of the tenant and acknowledges it. What goes wrong is tried
// again with the next heartbeat.
func (s *Store) drain(ctx context.Context, d drain) {
	defer s.drains.Delete(d.OperationID)
	instance := s.instance.ID()
	s.registry.flush()
	cause := fmt.Errorf("%w: an operation needed the tenant, and this took longer than %v", ErrMaintenance, s.grace)
	err := s.pool.quiesce(ctx, d.TenantID, d.Epoch, s.grace, cause)
	if err == nil {
		err = s.master.Update(ctx, func(tx *gorm.DB) error { return tx.Exec(acknowledgeSQL, d.OperationID, instance).Error })
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "let go of a tenant for an operation", "tenant_id", d.TenantID, "operation", d.OperationID, "error", err)
	}
}

// guard is a copy of ctx that also ends when the entry's scopes are to end.
func (e *entry) guard(ctx context.Context) (guarded context.Context, stop func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(e.ctx, func() { cancel(context.Cause(e.ctx)) })
	return guarded, func() { unhook(); cancel(nil) }
}

// explain puts why the entry's scopes were ended before what came of it. It
// leaves ErrCommitUnknown as it is, which no reason for trying again may hide.
func (e *entry) explain(err error) error {
	if err == nil || e.ctx.Err() == nil || errors.Is(err, ErrCommitUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(e.ctx), err)
}

// Unacknowledged counts the live instances that have not yet let go of the
// tenant for the operation, and names one. tx is of a scope on the master.
func Unacknowledged(master *Master, tx *gorm.DB, operationID string) (n int, name string, err error) {
	now, err := master.Now(tx)
	if err != nil {
		return 0, "", err
	}
	var waiting []models.Instance
	err = tx.Where("expires_at > ?", now).
		Where("id NOT IN (SELECT instance_id FROM acknowledgements WHERE operation_id = ?)", operationID).
		Order("id").Find(&waiting).Error
	if err != nil || len(waiting) == 0 {
		return 0, "", err
	}
	return len(waiting), waiting[0].Name, nil
}
