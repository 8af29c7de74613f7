package operators

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// usedEvery is how often the use of a token is recorded.
const usedEvery = time.Hour

// Identify returns whose token a text is. Returns ErrNoToken, or another error if the master can't be asked.
//
// Digests need no comparison in constant time: the time reveals something about hashes, but not about texts.
func (a *Accounts) Identify(ctx context.Context, text string) (Identity, error) {
	if !strings.HasPrefix(text, prefix) || len(text) > 100 {
		return Identity{}, ErrNoToken
	}
	return a.find(ctx, "operator_tokens.digest = ?", digestOf(text))
}

// Standing returns who the holder of a token is now, by its id. Returns ErrNoToken if it was revoked.
func (a *Accounts) Standing(ctx context.Context, tokenID string) (Identity, error) {
	return a.find(ctx, "operator_tokens.id = ?", tokenID)
}

func (a *Accounts) find(ctx context.Context, where string, value any) (Identity, error) {
	var row struct {
		ID, Name, Role string
		LastUsedAt     *time.Time
	}
	var now time.Time
	err := a.master.View(ctx, func(tx *gorm.DB) (err error) {
		if now, err = a.master.Now(tx); err != nil {
			return err
		}
		return tx.Model(&tenants.OperatorToken{}).Joins("JOIN operator_accounts ON operator_accounts.name = operator_tokens.operator").
			Select("operator_tokens.id", "name", "role", "last_used_at").Where(where, value).Take(&row).Error
	})
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Identity{}, ErrNoToken
	}
	if err != nil {
		return Identity{}, fmt.Errorf("find operator: %w", err)
	}
	if row.LastUsedAt == nil || now.Sub(*row.LastUsedAt) > usedEvery {
		a.recordUse(ctx, row.ID, now)
	}
	return Identity{Name: row.Name, Role: Role(row.Role), TokenID: row.ID}, nil
}

// recordUse tells when a token was used. Its errors are ignored: the operator has work to do.
func (a *Accounts) recordUse(ctx context.Context, id string, now time.Time) {
	_ = a.master.Update(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.OperatorToken{}).Where("id = ?", id).Update("last_used_at", now).Error
	})
}
