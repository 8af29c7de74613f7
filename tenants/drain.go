package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// StepDrain is the step of an operation during which every process drains the tenant: it grants no
// more leases from before the operation, waits for running scopes, closes the handle, and
// acknowledges this in the master. The process that runs the operation first marks the tenant with a
// greater epoch, drains it too, and continues once all other living instances have acknowledged.
const StepDrain = "drain"

// StepLeave is the step of a move during which every process drains the tenant again, from its old server.
const StepLeave = "leave"

// drain is an operation that waits for this process to drain its tenant.
type drain struct {
	OperationID, TenantID string
	Epoch                 int64
}

// drainsSQL selects the drains that an instance has not acknowledged.
const drainsSQL = `SELECT o.id AS operation_id, o.tenant_id, t.epoch
FROM operations o JOIN tenants t ON t.id = o.tenant_id
WHERE o.finished_at IS NULL AND o.step IN (?, ?)
AND NOT EXISTS (SELECT 1 FROM acknowledgements a WHERE a.operation_id = o.id AND a.instance_id = ?)`

// acknowledgeSQL acknowledges an operation, unless the instance's row is gone.
const acknowledgeSQL = `INSERT INTO acknowledgements (operation_id, instance_id)
SELECT ?, i.id FROM instances i WHERE i.id = ?
ON CONFLICT DO NOTHING`

// wakeDrains wakes drainTenants.
func (s *Store) wakeDrains() {
	select {
	case s.changed <- struct{}{}:
	default: // a wake-up is pending already
	}
}

// drainTenants drains tenants for operations until ctx ends. It runs once for each wake-up.
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
				s.log.WarnContext(ctx, "find operations that wait for this process", "error", err)
			}
			continue // the next heartbeat tries again
		}
		for _, d := range drains {
			if _, begun := s.drains.LoadOrStore(d.OperationID, d); !begun {
				s.running.Go(func() { s.drainAndAcknowledge(ctx, d) })
			}
		}
	}
}

func (s *Store) findDrains(ctx context.Context) (found []drain, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Raw(drainsSQL, StepDrain, StepLeave, s.process.ID()).Scan(&found).Error
	})
	return found, err
}

// drainAndAcknowledge drains the tenant and acknowledges the operation. If that fails, the next heartbeat tries
// again.
func (s *Store) drainAndAcknowledge(ctx context.Context, d drain) {
	defer s.drains.Delete(d.OperationID)
	instance := s.process.ID()
	err := s.Drain(ctx, d.TenantID, d.Epoch)
	if err == nil {
		err = s.acknowledge(ctx, d, instance)
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "drain a tenant for an operation", "tenant_id", d.TenantID, "operation", d.OperationID, "error", err)
	}
}

// acknowledge acknowledges the drain unless the operation has gone on since. It locks the operation's row, so
// that the operation can't finish meanwhile and leave the acknowledgement behind. SQLite has one
// writer at a time and ignores the lock.
func (s *Store) acknowledge(ctx context.Context, d drain, instanceID string) error {
	return s.master.Update(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Select("id").
			Take(&Operation{}, `id = ? AND finished_at IS NULL AND step IN (?, ?)
				AND (SELECT epoch FROM tenants WHERE id = tenant_id) = ?`, d.OperationID, StepDrain, StepLeave, d.Epoch).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			return nil
		case err != nil:
			return err
		}
		return tx.Exec(acknowledgeSQL, d.OperationID, instanceID).Error
	})
}

// Drain drains the tenant in this process: it stops granting leases from before the epoch, and
// returns once all scopes on the tenant are over and its handle is closed. Scopes that take longer
// than the grace period are cancelled.
func (s *Store) Drain(ctx context.Context, tenantID string, epoch int64) error {
	s.registry.evict(tenantID)
	s.failures.forget(tenantID) // the operation may repair the database
	cause := fmt.Errorf("%w: an operation needed the tenant, and this took longer than %v", ErrMaintenance, s.grace)
	return s.pool.quiesce(ctx, tenantID, epoch, s.grace, cause)
}

// guard returns a copy of ctx that is also cancelled when the entry's scopes are. The caller must
// call stop.
func (e *entry) guard(ctx context.Context) (guarded context.Context, stop func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(e.ctx, func() { cancel(context.Cause(e.ctx)) })
	return guarded, func() { unhook(); cancel(nil) }
}

// explain adds to err why the entry's scopes were cancelled, if they were. It leaves
// ErrCommitUnknown alone, because no reason to try again may hide it.
func (e *entry) explain(err error) error {
	if err == nil || e.ctx.Err() == nil || errors.Is(err, ErrCommitUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", context.Cause(e.ctx), err)
}

// Unacknowledged returns the other living instances that have not yet drained the tenants of operations, by operation.
// tx belongs to a scope on the master.
func (s *Store) Unacknowledged(tx *gorm.DB, operationIDs []string) (map[string][]Instance, error) {
	var acknowledged []Acknowledgement
	if err := tx.Where("operation_id IN ?", operationIDs).Find(&acknowledged).Error; err != nil {
		return nil, err
	}
	living, err := s.master.Living(tx)
	if err != nil {
		return nil, err
	}
	own := s.process.ID()
	living = slices.DeleteFunc(living, func(i Instance) bool { return i.ID == own })
	waiting := map[string][]Instance{}
	for _, id := range operationIDs {
		waiting[id] = slices.DeleteFunc(slices.Clone(living), func(i Instance) bool {
			return slices.Contains(acknowledged, Acknowledgement{OperationID: id, InstanceID: i.ID})
		})
	}
	return waiting, nil
}
