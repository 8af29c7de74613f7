package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// StepDrain is the step of an operation during which every process lets go of
// the tenant: it leases the tenant no more as it was before, waits for its
// scopes, closes the handle, and acknowledges that in the master. The process
// that runs the operation marks the tenant first, with a greater epoch, lets go
// of it itself, and goes on when all other living instances have acknowledged.
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

// acknowledgeSQL acknowledges an operation, unless the instance has ended.
const acknowledgeSQL = `INSERT INTO acknowledgements (operation_id, instance_id)
SELECT ?, i.id FROM instances i WHERE i.id = ?
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
	err := s.LetGo(ctx, d.TenantID, d.Epoch)
	if err == nil {
		err = s.acknowledge(ctx, d.OperationID, instance)
	}
	if err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "let go of a tenant for an operation", "tenant_id", d.TenantID, "operation", d.OperationID, "error", err)
	}
}

// acknowledge acknowledges the operation, unless it is over. Its row is locked,
// or the operation could end meanwhile and leave the acknowledgement behind.
// SQLite has one writer at a time and ignores the lock.
func (s *Store) acknowledge(ctx context.Context, operationID, instanceID string) error {
	return s.master.Update(ctx, func(tx *gorm.DB) error {
		err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Select("id").
			Take(&Operation{}, "id = ? AND finished_at IS NULL", operationID).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			return nil
		case err != nil:
			return err
		}
		return tx.Exec(acknowledgeSQL, operationID, instanceID).Error
	})
}

// LetGo has this process lease the tenant no more as it was before the epoch,
// and returns when its scopes on it are over and the handle is closed. Scopes
// that take longer than the grace are ended.
func (s *Store) LetGo(ctx context.Context, tenantID string, epoch int64) error {
	s.registry.evict(tenantID)
	s.failures.forget(tenantID) // the operation may mend it
	cause := fmt.Errorf("%w: an operation needed the tenant, and this took longer than %v", ErrMaintenance, s.grace)
	return s.pool.quiesce(ctx, tenantID, epoch, s.grace, cause)
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

// Unacknowledged counts the other living instances that have not yet let go of
// the tenant for the operation, and names one. tx is of a scope on the master.
func (s *Store) Unacknowledged(tx *gorm.DB, operationID string) (n int, name string, err error) {
	var acknowledged []string
	err = tx.Model(&Acknowledgement{}).Where("operation_id = ?", operationID).Pluck("instance_id", &acknowledged).Error
	if err != nil {
		return 0, "", err
	}
	waiting, err := s.master.Living(tx)
	if err != nil {
		return 0, "", err
	}
	own := s.instance.ID()
	waiting = slices.DeleteFunc(waiting, func(i Instance) bool { return i.ID == own || slices.Contains(acknowledged, i.ID) })
	if len(waiting) == 0 {
		return 0, "", nil
	}
	return len(waiting), waiting[0].Name, nil
}
