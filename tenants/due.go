package tenants

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Due is a row in the master: a tenant has work to do at a time, or may get some.
type Due struct {
	TenantID string `gorm:"primaryKey;not null"`
	// InstanceID is the process that takes care of the tenant's work: it may have written some, or be writing it. The
	// row remains until the process gives the tenant back, or is dead. It is empty for work that any process may take,
	// and lookAgain for the tenant of a process that died.
	InstanceID string    `gorm:"primaryKey;not null;index:due_taken_idx,where:instance_id <> ''"`
	At         time.Time `gorm:"not null;index:due_at_idx,where:instance_id = ''"`
}

// TableName is "due".
func (Due) TableName() string { return "due" }

// DueChanged is what WatchFunc reports instead of a tenant's id when work may be due.
const DueChanged = "due"

// lookAgain is the InstanceID of a row that becomes one without instance at its time: a COMMIT of a process that died
// may take effect after the first look.
const lookAgain = "again"

// MarkDue records in the master, before the scope of tx commits, that the tenant has work to do at a time. If the
// process dies, others look for work in the tenant's database. The write to the master is none of the scope's: it goes on beside
// what the scope still does, in one transaction with those of other tenants. There is none if the process wrote work of the tenant
// in the last minutes. In a scope on the master it is the work without tenant that
// is due: processes look for it after the commit. A mark set inside a savepoint that is rolled back doesn't
// count. If the master can't be written, the scope is rolled back and returns ErrUnavailable. MarkDue panics if the scope
// is over.
func MarkDue(tx *gorm.DB, at time.Time) {
	t := transactionOf(tx)
	if s := scopeOf(t.ctx); s.dues != nil && !t.readOnly {
		s.dues.prepare(s.tenantID)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hooks.due.IsZero() || at.Before(t.hooks.due) {
		t.hooks.due = at
	}
}

// holdDue records in the master that the process takes care of the tenant, if the scope has work for it.
func (s *scope) holdDue(ctx context.Context) error {
	s.t.mu.Lock()
	at := s.t.hooks.due
	s.t.mu.Unlock()
	switch {
	case at.IsZero() || s.t.readOnly:
		return nil
	case s.master != nil:
		s.due = at
		return nil
	}
	if err := s.dues.hold(ctx, s.tenantID); err != nil {
		return fmt.Errorf("record in the master that the tenant has work: %w: %w", ErrUnavailable, err)
	}
	s.due = at
	return nil
}

// endDue ends what holdDue began, if it did.
func (s *scope) endDue() {
	switch {
	case s.due.IsZero():
	case s.master != nil:
		s.master.WakeJobs()
	default:
		s.dues.wrote(s.tenantID, s.due, s.err == nil, s.t.unknown)
	}
}

// insertDue records that an instance takes care of tenants.
func insertDue(tx *gorm.DB, instanceID string, tenantIDs ...string) error {
	rows := make([]Due, len(tenantIDs))
	for i, id := range tenantIDs {
		rows[i] = Due{TenantID: id, InstanceID: instanceID, At: time.Now().UTC().Truncate(time.Microsecond)}
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(rows).Error
}

// SetDue records that tenants may have work from a time on, for any process. tx belongs to a scope on the master.
func SetDue(tx *gorm.DB, at time.Time, tenantIDs ...string) error {
	rows := make([]Due, len(tenantIDs))
	for i, id := range tenantIDs {
		rows[i] = Due{TenantID: id, At: at}
	}
	return setDue(tx, rows)
}

// setDue inserts rows, or makes those that are there earlier.
func setDue(tx *gorm.DB, rows []Due) error {
	for batch := range slices.Chunk(rows, 500) {
		for i := range batch {
			batch[i].At = batch[i].At.UTC().Truncate(time.Microsecond)
		}
		earlier := clause.Assignments(map[string]any{"at": gorm.Expr("excluded.at")})
		err := tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "tenant_id"}, {Name: "instance_id"}}, DoUpdates: earlier,
			Where: clause.Where{Exprs: []clause.Expression{gorm.Expr("excluded.at < due.at")}},
		}).Create(batch).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// findDue returns at most most active tenants whose work is due and that no process takes care of, and when the next one
// is due, or the zero time.
func (m *Master) findDue(ctx context.Context, most int) (ids []string, next time.Time, err error) {
	var rows []Due
	var now time.Time
	err = m.View(ctx, func(tx *gorm.DB) error {
		if now, err = m.Now(tx); err != nil {
			return err
		}
		return tx.Raw(`SELECT d.tenant_id, d.at FROM due d JOIN tenants t ON t.id = d.tenant_id
			WHERE d.instance_id = '' AND t.state = ? ORDER BY d.at LIMIT ?`, StateActive, most+1).Scan(&rows).Error
	})
	for _, row := range rows {
		if row.At.After(now) || len(ids) == most {
			return ids, row.At, err
		}
		ids = append(ids, row.TenantID)
	}
	return ids, time.Time{}, err
}

// takeDue makes an instance take care of those of the tenants that no other process has taken meanwhile, and returns them.
func (m *Master) takeDue(ctx context.Context, instanceID string, ids []string) (taken []string, err error) {
	err = m.Update(ctx, func(tx *gorm.DB) error {
		taken = nil
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Model(&Due{}).
			Where("instance_id = '' AND tenant_id IN ?", ids).Order("at").Pluck("tenant_id", &taken).Error
		if err != nil || len(taken) == 0 {
			return err
		}
		if err := tx.Delete(&Due{}, "instance_id = '' AND tenant_id IN ?", taken).Error; err != nil {
			return err
		}
		return insertDue(tx, instanceID, taken...)
	})
	return taken, err
}

// releaseDue gives tenants back that an instance took care of. Rows with the zero time have no more work.
func (m *Master) releaseDue(ctx context.Context, instanceID string, rows []Due) error {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].TenantID
	}
	left := slices.DeleteFunc(slices.Clone(rows), func(d Due) bool { return d.At.IsZero() })
	return m.Update(ctx, func(tx *gorm.DB) error {
		for batch := range slices.Chunk(ids, 500) {
			if err := tx.Delete(&Due{}, "instance_id = ? AND tenant_id IN ?", instanceID, batch).Error; err != nil {
				return err
			}
		}
		return setDue(tx, left)
	})
}

// adoptDue makes tenants that dead processes took care of be looked at by others, now and again after the last moment
// at which a COMMIT of such a process could take effect. Of a process of which it isn't known whether it is dead, the
// tenants are looked at now.
func (m *Master) adoptDue(ctx context.Context) error {
	holders, err := m.findOrphans(ctx)
	if err != nil || len(holders) == 0 {
		return err
	}
	return m.Update(ctx, func(tx *gorm.DB) error {
		now, err := m.Now(tx)
		if err != nil {
			return err
		}
		living, err := m.Living(tx)
		if err != nil {
			return err
		}
		ids := idsOf(living)
		for _, holder := range holders {
			if err := m.adopt(tx, holder, holder != lookAgain && !slices.Contains(ids, holder), now); err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetDue deletes what is due of a tenant that is removed. tx belongs to a scope on the master.
func ForgetDue(tx *gorm.DB, tenantID string) error {
	return tx.Delete(&Due{}, "tenant_id = ?", tenantID).Error
}

// sweepDue deletes what processes gave back of tenants after these were removed. It reads all rows.
func (m *Master) sweepDue(ctx context.Context) error {
	var removed []string
	err := m.View(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT DISTINCT d.tenant_id FROM due d LEFT JOIN tenants t ON t.id = d.tenant_id
			WHERE t.id IS NULL OR t.state = ? AND t.remove_after IS NULL`, StatePurged).Scan(&removed).Error
	})
	if err != nil || len(removed) == 0 {
		return err
	}
	return m.Update(ctx, func(tx *gorm.DB) error {
		for batch := range slices.Chunk(removed, 500) {
			if err := tx.Delete(&Due{}, "tenant_id IN ?", batch).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// findOrphans returns the instances that seem not to be alive but take care of tenants, and lookAgain if there are such rows
// whose time has come.
func (m *Master) findOrphans(ctx context.Context) (holders []string, err error) {
	err = m.View(ctx, func(tx *gorm.DB) error {
		now, err := m.Now(tx)
		if err != nil {
			return err
		}
		var all []string
		err = tx.Model(&Due{}).Distinct("instance_id").Where("instance_id <> '' AND (instance_id <> ? OR at <= ?)", lookAgain, now).
			Pluck("instance_id", &all).Error
		if err != nil {
			return err
		}
		for _, id := range all {
			standing := Silent
			if id != lookAgain {
				if standing, err = m.presence.Standing(tx, id); err != nil {
					return err
				}
			}
			if standing != Alive {
				holders = append(holders, id)
			}
		}
		return nil
	})
	return holders, err
}

// adopt makes the tenants of which a process took care be looked at by others.
func (m *Master) adopt(tx *gorm.DB, holder string, dead bool, now time.Time) error {
	var ids []string
	found := tx.Model(&Due{}).Where("instance_id = ?", holder)
	if holder == lookAgain {
		found = found.Where("at <= ?", now)
	}
	if err := found.Pluck("tenant_id", &ids).Error; err != nil {
		return err
	}
	if err := SetDue(tx, now, ids...); err != nil || !dead && holder != lookAgain {
		return err
	}
	for batch := range slices.Chunk(ids, 500) {
		if err := tx.Delete(&Due{}, "instance_id = ? AND tenant_id IN ?", holder, batch).Error; err != nil {
			return err
		}
		if !dead {
			continue
		}
		again := make([]Due, len(batch))
		for i, id := range batch {
			again[i] = Due{TenantID: id, InstanceID: lookAgain, At: now.Add(commitMargin)}
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(again).Error; err != nil {
			return err
		}
	}
	return nil
}
