package tenants

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Visit is an operator's stay in a tenant as one of its people. Package visits begins and checks visits.
type Visit struct {
	// ID is a lower-case ULID.
	ID string `gorm:"primaryKey;not null;check:visits_id_check,length(id) = 26"`
	// TenantID is not a reference: a row stays until the visit's end is told, also when the tenant is gone.
	TenantID string `gorm:"not null;index:visits_tenant_idx"`
	// Operator is the name in the ledger, and TokenID the operator's token; nil for the one token and for commands.
	Operator string  `gorm:"not null;index:visits_operator_idx;check:visits_operator_check,length(operator) BETWEEN 1 AND 200"`
	TokenID  *string `gorm:"index:visits_token_idx,where:token_id IS NOT NULL"`
	// UserID and Email identify the person in the tenant's database.
	UserID int64  `gorm:"not null"`
	Email  string `gorm:"not null;check:visits_email_check,length(email) BETWEEN 1 AND 320"`
	Reason string `gorm:"not null;check:visits_reason_check,length(reason) BETWEEN 1 AND 200"`
	// Writes means that the visit may also write.
	Writes bool `gorm:"not null"`
	// LinkDigest is nil once the link was used, and SessionDigest is nil until then.
	LinkDigest    []byte    `gorm:"uniqueIndex:visits_link_key;check:visits_link_check,length(link_digest) = 32"`
	LinkExpiresAt time.Time `gorm:"not null"`
	SessionDigest []byte    `gorm:"uniqueIndex:visits_session_key;check:visits_session_check,length(session_digest) = 32"`
	CreatedAt     time.Time `gorm:"not null"`
	// ExpiresAt is when the visit is over, and EndedAt when it ended before, by what EndedBy says.
	ExpiresAt time.Time `gorm:"not null;index:visits_expires_idx"`
	EndedAt   *time.Time
	EndedBy   VisitEnd `gorm:"not null;check:visits_ended_by_check,length(ended_by) <= 63"`
}

// VisitEnd is what ended a visit before its time.
type VisitEnd string

// The ends of visits.
const (
	VisitLeft      VisitEnd = "left"      // the operator left
	VisitDismissed VisitEnd = "dismissed" // the operator has no account any more, or may no longer enter tenants
	VisitClosed    VisitEnd = "closed"    // the tenant was suspended or archived
)

// EndVisits ends the visits that a condition selects, and the links to them.
func EndVisits(tx *gorm.DB, now time.Time, end VisitEnd, condition string, value any) error {
	err := tx.Model(&Visit{}).Where("ended_at IS NULL").Where(condition, value).Updates(map[string]any{"ended_at": now, "ended_by": end}).Error
	if err != nil {
		return fmt.Errorf("end visits: %w", err)
	}
	return nil
}
