package tenants

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// WebhookSender is a process that delivers webhooks. While the master has such a row, the transaction that ends an operation,
// whichever process it is in, leaves a job of WebhookKind with the operation's id; triggers see to that. The rows of processes
// that died count, so that what commands do while no process serves is delivered by the next one.
type WebhookSender struct {
	InstanceID string `gorm:"primaryKey;not null"`
}

// WebhookKind is the kind of the jobs that operations leave.
const WebhookKind = "webhook.deliver"

// SendWebhooks records that this process delivers webhooks, in place of processes that died.
func (s *Store) SendWebhooks(ctx context.Context) error {
	err := s.master.Update(ctx, func(tx *gorm.DB) error {
		row := WebhookSender{s.process.ID()}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return err
		}
		return s.forgetSenders(tx)
	})
	if err != nil {
		return fmt.Errorf("record that the process delivers webhooks: %w", err)
	}
	return nil
}

// EndWebhooks makes operations leave no more jobs, unless a living process delivers webhooks. Then it returns 0, and else
// how many jobs waited; they are removed.
func (s *Store) EndWebhooks(ctx context.Context) (dropped int64, err error) {
	err = s.master.Update(ctx, func(tx *gorm.DB) error {
		dropped = 0
		if err := s.forgetSenders(tx); err != nil {
			return err
		}
		var left int64
		if err := tx.Model(&WebhookSender{}).Count(&left).Error; err != nil || left > 0 {
			return err
		}
		deleted := tx.Exec("DELETE FROM jobs WHERE kind = ? AND state = 'available'", WebhookKind)
		dropped = deleted.RowsAffected
		return deleted.Error
	})
	if err != nil {
		return 0, fmt.Errorf("end webhooks: %w", err)
	}
	return dropped, nil
}

// forgetSenders deletes the rows of processes that died.
func (s *Store) forgetSenders(tx *gorm.DB) error {
	living, err := s.master.Living(tx)
	if err != nil {
		return err
	}
	return tx.Delete(&WebhookSender{}, "instance_id NOT IN ?", append(idsOf(living), s.process.ID())).Error
}
