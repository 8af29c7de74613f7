package tenants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Chore is periodic work that one process does on behalf of all.
type Chore struct {
	Name string `gorm:"primaryKey;not null"`
	// InstanceID is the process that does the work; nil if none does.
	InstanceID *string
	DueAt      time.Time `gorm:"not null"`
}

// TakeChore makes this process do a chore if it is due and no living process does it. It reports whether the process must
// do it, and then call FinishChore. A chore that is not known yet is due.
func (s *Store) TakeChore(ctx context.Context, name string) (taken bool, err error) {
	if due, err := s.isChoreDue(ctx, name); err != nil || !due {
		return false, err
	}
	err = s.master.Update(ctx, func(tx *gorm.DB) error {
		if taken, err = s.canTakeChore(tx, name); err != nil || !taken {
			return err
		}
		id := s.process.ID()
		return tx.Model(&Chore{}).Where("name = ?", name).Update("instance_id", id).Error
	})
	if err != nil {
		return false, fmt.Errorf("take %s: %w", name, err)
	}
	return taken, nil
}

// isChoreDue spares the master a transaction that writes.
func (s *Store) isChoreDue(ctx context.Context, name string) (due bool, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		now, err := s.master.Now(tx)
		if err != nil {
			return err
		}
		var waiting int64
		err = tx.Model(&Chore{}).Where("name = ? AND due_at > ?", name, now).Count(&waiting).Error
		due = waiting == 0
		return err
	})
	return due, err
}

// canTakeChore locks the chore's row, which it creates if there is none.
func (s *Store) canTakeChore(tx *gorm.DB, name string) (bool, error) {
	now, err := s.master.Now(tx)
	if err != nil {
		return false, err
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&Chore{Name: name, DueAt: now}).Error; err != nil {
		return false, err
	}
	var chore Chore
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&chore, "name = ?", name).Error; err != nil {
		return false, err
	}
	if chore.DueAt.After(now) || chore.InstanceID == nil {
		return !chore.DueAt.After(now), nil
	}
	living, err := s.master.Living(tx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(living, func(i Instance) bool { return i.ID == *chore.InstanceID }), nil
}

// errChoreLost means that this process was counted as dead, and another one may do the chore.
var errChoreLost = errors.New("another process does it")

// FinishChore ends a chore that this process has taken. It is due again after a while.
func (s *Store) FinishChore(ctx context.Context, name string, after time.Duration) error {
	err := s.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := s.master.Now(tx)
		if err != nil {
			return err
		}
		result := tx.Model(&Chore{}).Where("name = ? AND instance_id = ?", name, s.process.ID()).
			Updates(map[string]any{"instance_id": nil, "due_at": now.Add(after)})
		if result.Error == nil && result.RowsAffected == 0 {
			return errChoreLost
		}
		return result.Error
	})
	if err != nil {
		return fmt.Errorf("finish %s: %w", name, err)
	}
	return nil
}
