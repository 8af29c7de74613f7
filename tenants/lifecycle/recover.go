package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Recover resumes the operations without an owner: those whose process died, and those that failed
// temporarily. It finishes each, or undoes it if finishing is impossible. If neither is possible now, it
// logs that and leaves the operation for the next time. Several processes may call it at the same time.
func (m *Manager) Recover(ctx context.Context) error {
	var ids []string
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return m.orphaned(tx).Order("id").Pluck("id", &ids).Error
	})
	if err != nil {
		return fmt.Errorf("find unfinished operations: %w", err)
	}
	for _, id := range ids {
		if err := m.recoverOperation(ctx, id); err != nil {
			m.log.ErrorContext(ctx, "resume an operation", "operation", id, "error", err)
		}
	}
	return errors.Join(m.recoverUnrecorded(ctx), ctx.Err())
}

// recoverUnrecorded restarts the creations that are not in the ledger.
func (m *Manager) recoverUnrecorded(ctx context.Context) error {
	var ids []string
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return unrecorded(tx).Order("id").Pluck("id", &ids).Error
	})
	if err != nil {
		return fmt.Errorf("find unfinished tenants: %w", err)
	}
	for _, id := range ids {
		if err := m.createAgain(ctx, System, id); err != nil {
			m.log.ErrorContext(ctx, "resume a creation", "tenant_id", id, "error", err)
		}
	}
	return nil
}

// unrecorded selects the tenants under creation that have no operation. The state is no parameter, so that an index of these
// few tenants serves the query.
func unrecorded(tx *gorm.DB) *gorm.DB {
	at := tx.Session(&gorm.Session{NewDB: true}).Model(&tenants.Operation{}).Select("tenant_id").Where("finished_at IS NULL")
	return tx.Model(&tenants.Tenant{}).Where("state = 'provisioning' AND id NOT IN (?)", at)
}

// orphaned selects the unfinished operations that no living instance works on, and those that
// the ledger wrongly assigns to this instance.
func (m *Manager) orphaned(tx *gorm.DB) *gorm.DB { return m.orphanedBut(tx, m.store.Process().Held()) }

// orphanedBut is orphaned for a process that works on the operations held.
func (m *Manager) orphanedBut(tx *gorm.DB, held []string) *gorm.DB {
	living, err := m.master.Living(tx)
	if err != nil {
		_ = tx.AddError(err) // every query on it fails with it
	}
	alive := []string{"none"}
	for _, i := range living {
		alive = append(alive, i.ID)
	}
	return tx.Model(&tenants.Operation{}).Where("finished_at IS NULL AND kind <> ?", tenants.KindSwapOther).
		Where("instance_id IS NULL OR instance_id NOT IN ? OR (instance_id = ? AND id NOT IN ?)",
			alive, m.store.Process().ID(), append(held, "none"))
}

func (m *Manager) recoverOperation(ctx context.Context, id string) error {
	j, err := m.takeOver(ctx, id)
	if err != nil || j == nil {
		return err
	}
	if err := m.run(ctx, j, true); err != nil {
		return fmt.Errorf("%s of tenant %q: %w", j.op.Kind, j.op.Subdomain, err)
	}
	m.log.InfoContext(ctx, "resumed an operation", "operation", id, "kind", j.op.Kind, "tenant", j.op.Subdomain, "state", j.op.State)
	return nil
}

// takeOver makes this process the owner of an operation that has none. It returns nil if another process
// was faster. The caller must run the job.
func (m *Manager) takeOver(ctx context.Context, id string) (*job, error) {
	var j *job
	if !m.store.Process().Hold(id) {
		return nil, nil
	}
	others := slices.DeleteFunc(m.store.Process().Held(), func(held string) bool { return held == id })
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		j = nil
		result := m.orphanedBut(tx, others).Where("id = ?", id).
			Updates(map[string]any{"instance_id": m.store.Process().ID(), "attempts": gorm.Expr("attempts + 1")})
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		taken := job{}
		if err := tx.Take(&taken.op, "id = ?", id).Error; err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(taken.op.Params), &taken.params); err != nil {
			return fmt.Errorf("params of operation %s: %w", id, err)
		}
		taken.plan = m.withHooks(taken.op.Kind, taken.params, planWith(taken.op.Kind, taken.params))
		j = &taken
		return tx.Take(&taken.tenant, "id = ?", taken.op.TenantID).Error
	})
	if err != nil || j == nil {
		m.store.Process().Release(id)
		return nil, err
	}
	return j, nil
}

// Tend does the periodic work: it calls Recover, removes the data of purged tenants after their
// grace period, and deletes the rows of dead instances. A serving process should call it every
// minute. Several processes may call it at the same time.
func (m *Manager) Tend(ctx context.Context) error {
	return errors.Join(m.Recover(ctx), m.removeDue(ctx), m.removeLeftDue(ctx), m.clearAway(ctx))
}

// removeDue removes the data of purged tenants.
func (m *Manager) removeDue(ctx context.Context) error {
	var due []tenants.Tenant
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		now, err := m.master.Now(tx)
		if err != nil {
			return err
		}
		return tx.Where("state = ? AND remove_after <= ?", tenants.StatePurged, now).Find(&due).Error
	})
	if err != nil {
		return fmt.Errorf("find purged tenants: %w", err)
	}
	for i := range due {
		if err := m.remove(ctx, System, due[i].ID); err != nil && !errors.Is(err, ErrUnderWay) && !errors.Is(err, errUnchanged) {
			m.log.ErrorContext(ctx, "remove a purged tenant's data", "tenant", due[i].Subdomain, "error", err)
		}
	}
	return ctx.Err()
}

// removeLeftDue removes the databases that moves have left behind.
func (m *Manager) removeLeftDue(ctx context.Context) error {
	var ids []string
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		now, err := m.master.Now(tx)
		if err != nil {
			return err
		}
		return tx.Model(&tenants.Tenant{}).Where("left_until <= ?", now).Pluck("id", &ids).Error
	})
	if err != nil {
		return fmt.Errorf("find databases that tenants have left: %w", err)
	}
	for _, id := range ids {
		if err := m.removeLeft(ctx, System, id); err != nil && !errors.Is(err, ErrUnderWay) {
			m.log.ErrorContext(ctx, "remove the database that a tenant has left", "tenant_id", id, "error", err)
		}
	}
	return ctx.Err()
}

// clearAway deletes rows that the master no longer needs.
func (m *Manager) clearAway(ctx context.Context) error {
	if err := m.master.ClearDead(ctx); err != nil {
		return fmt.Errorf("clear away dead processes: %w", err)
	}
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := m.master.Now(tx)
		if err != nil {
			return err
		}
		return tx.Delete(&tenants.RetiredSubdomain{}, "reserved_until < ? AND (redirect_until IS NULL OR redirect_until < ?)", now, now).Error
	})
	if err != nil {
		return fmt.Errorf("clear away: %w", err)
	}
	return nil
}
