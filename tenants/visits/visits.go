// Package visits lets operators enter tenants as one of their people, for half an hour. A link that works once, within a
// minute, begins the session. The master has the digests of both; their texts are the application's.
package visits

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/operators"
	"tenantry/tenants/text"
)

const (
	// Life is how long a visit lasts from the moment at which it was asked for, and LinkLife how long its link works.
	Life     = 30 * time.Minute
	LinkLife = time.Minute
	// MaxReason is the length of the longest reason, in characters.
	MaxReason = 200
)

// Errors, for errors.Is.
var (
	// ErrNotAllowed means that an operator may not enter tenants, or not any more.
	ErrNotAllowed = fmt.Errorf("entering a tenant needs the role %s", operators.Enters)
	// ErrNotActive means that the tenant isn't one that can be entered.
	ErrNotActive = errors.New("only a tenant that is active can be entered")
	// ErrUnknownPerson means that the tenant has no person with the address.
	ErrUnknownPerson = errors.New("nobody in the tenant has this address")
	// ErrOver means that there is no such visit, or that it or its link is over.
	ErrOver = errors.New("the visit is over")
)

// ReasonError means that a reason can't be recorded.
type ReasonError struct{ Rule string }

// Error returns the rule.
func (e *ReasonError) Error() string { return "reason " + e.Rule }

// CheckReason returns a *ReasonError unless the reason can be recorded: one line of visible text.
func CheckReason(reason string) error {
	if fault := text.Line(reason, MaxReason); fault != "" {
		return &ReasonError{fault}
	}
	return nil
}

// Entrance is a link with which an operator enters a tenant, once.
type Entrance struct {
	Visit  *tenants.Visit
	Tenant *tenants.Tenant
	// URL contains the secret.
	URL string
}

// LetIn makes an Entrance, as Accounts.LetIn of package account does.
type LetIn func(ctx context.Context, by lifecycle.Operator, who operators.Identity, subdomain string, e lifecycle.Entry) (*Entrance, error)

// Visits begins, finds and ends visits. It is safe for concurrent use.
type Visits struct {
	master *tenants.Master
	// finds bounds how much of the master's pool those take who ask for visits, as any client can: what finds tenants waits
	// there, too.
	finds *semaphore.Weighted
}

// New returns the visits in the master.
func New(master *tenants.Master) *Visits { return &Visits{master, semaphore.NewWeighted(mostFinds)} }

// Request is what an operator asks for.
type Request struct {
	lifecycle.Entry
	// UserID is the id of the person with the address.
	UserID int64
	// Link is the digest of the link.
	Link []byte
}

// Ask records in the ledger that the operator enters the tenant, and returns the visit, whose link works from now on.
// who is the operator as they signed in. Returns ErrNotAllowed, ErrNotActive, a *ReasonError, or the errors of lifecycle.Manager's Enter.
func (v *Visits) Ask(ctx context.Context, manager *lifecycle.Manager, by lifecycle.Operator, who operators.Identity, subdomain string, r Request) (*tenants.Visit, error) {
	if err := CheckReason(r.Reason); err != nil {
		return nil, err
	}
	var visit *tenants.Visit
	_, err := manager.Enter(ctx, by, subdomain, r.Entry, func(tx *gorm.DB, t *tenants.Tenant, now time.Time) error {
		if t.State != tenants.StateActive {
			return fmt.Errorf("%w, and it is %s", ErrNotActive, t.State)
		}
		if err := checkStanding(tx, who); err != nil {
			return err
		}
		visit = &tenants.Visit{
			ID: strings.ToLower(ulid.Make().String()), TenantID: t.ID, Operator: string(by),
			UserID: r.UserID, Email: r.Email, Reason: r.Reason, Writes: r.Writes,
			LinkDigest: r.Link, LinkExpiresAt: now.Add(LinkLife), CreatedAt: now, ExpiresAt: now.Add(Life),
		}
		if who.TokenID != "" {
			visit.TokenID = &who.TokenID
		}
		return tx.Create(visit).Error
	})
	return visit, err
}

// checkStanding returns ErrNotAllowed unless the operator may enter tenants. It locks the operator's account, so that one
// that is removed meanwhile has no visit that the removal doesn't see.
func checkStanding(tx *gorm.DB, who operators.Identity) error {
	role := who.Role
	if who.TokenID != "" {
		var account tenants.OperatorAccount
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Preload("Tokens", "id = ?", who.TokenID).Take(&account, "name = ?", who.Name).Error
		if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && len(account.Tokens) == 0 {
			return ErrNotAllowed
		}
		if err != nil {
			return err
		}
		role = operators.Role(account.Role)
	}
	if !role.Allows(operators.Enters) {
		return ErrNotAllowed
	}
	return nil
}

// ByLink returns the visit of a link that can still be used. It doesn't use the link up. Returns ErrOver.
func (v *Visits) ByLink(ctx context.Context, tenantID string, link []byte) (*tenants.Visit, error) {
	return v.find(ctx, tenantID, "link_digest = @digest AND link_expires_at > @now", link)
}

// BySession returns the visit of a session. Returns ErrOver.
func (v *Visits) BySession(ctx context.Context, tenantID string, session []byte) (*tenants.Visit, error) {
	return v.find(ctx, tenantID, "session_digest = @digest", session)
}

// findTime is how long the master may take to find a visit. Requests ask it that are of no scope yet, which bounds others.
// mostFinds is how many visits are looked for at once.
const findTime, mostFinds = 2 * time.Second, 2

// find returns the visit with a digest that is not over. The condition is on @digest and @now.
func (v *Visits) find(ctx context.Context, tenantID, condition string, digest []byte) (*tenants.Visit, error) {
	ctx, cancel := context.WithTimeout(ctx, findTime)
	defer cancel()
	if err := v.finds.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("find visit: %w: %w", tenants.ErrUnavailable, err)
	}
	defer v.finds.Release(1)
	var visit tenants.Visit
	err := v.master.View(ctx, func(tx *gorm.DB) error {
		now, err := v.master.Now(tx)
		if err != nil {
			return err
		}
		return tx.Where("tenant_id = ? AND ended_at IS NULL AND expires_at > ?", tenantID, now).
			Where(condition, map[string]any{"digest": digest, "now": now}).Take(&visit).Error
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrOver
	case err != nil:
		return nil, fmt.Errorf("find visit: %w: %w", tenants.ErrUnavailable, err)
	}
	return &visit, nil
}

// Begin uses up the link of a visit, and gives the visit its session. Returns ErrOver if the link was used meanwhile, or
// if it or the visit is over.
func (v *Visits) Begin(ctx context.Context, visit *tenants.Visit, session []byte) error {
	return v.change(ctx, "begin", func(tx *gorm.DB, now time.Time) *gorm.DB {
		return tx.Model(&tenants.Visit{}).
			Where("id = ? AND link_digest = ? AND link_expires_at > ? AND ended_at IS NULL", visit.ID, visit.LinkDigest, now).
			Updates(map[string]any{"link_digest": nil, "session_digest": session})
	})
}

// Leave ends a visit because its operator left.
func (v *Visits) Leave(ctx context.Context, visit *tenants.Visit) error {
	visit.EndedBy = tenants.VisitLeft
	return v.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := v.master.Now(tx)
		if err != nil {
			return err
		}
		return tenants.EndVisits(tx, now, tenants.VisitLeft, "id = ?", visit.ID)
	})
}

// Tell deletes a visit whose end was told to the tenant. Returns ErrOver if another process told it.
func (v *Visits) Tell(ctx context.Context, id string) error {
	return v.change(ctx, "tell of", func(tx *gorm.DB, _ time.Time) *gorm.DB { return tx.Delete(&tenants.Visit{}, "id = ?", id) })
}

// change runs a statement that changes one visit. Returns ErrOver if it changed none.
func (v *Visits) change(ctx context.Context, what string, f func(tx *gorm.DB, now time.Time) *gorm.DB) error {
	err := v.master.Update(ctx, func(tx *gorm.DB) error {
		now, err := v.master.Now(tx)
		if err != nil {
			return err
		}
		result := f(tx, now)
		if result.Error == nil && result.RowsAffected != 1 {
			return ErrOver
		}
		return result.Error
	})
	if err != nil && !errors.Is(err, ErrOver) {
		return fmt.Errorf("%s visit: %w", what, err)
	}
	return err
}

// untoldFor is how long the end of a visit is kept for a tenant that can't be told.
const untoldFor = 24 * time.Hour

// Over returns some visits that are over and whose ends are to be told to their tenants, others each time. It deletes
// visits that never began, and those whose ends could not be told for a day.
func (v *Visits) Over(ctx context.Context, most int) (over []tenants.Visit, err error) {
	var now time.Time
	var waiting int64
	err = v.master.View(ctx, func(tx *gorm.DB) error {
		if now, err = v.master.Now(tx); err != nil {
			return err
		}
		if err := forgotten(tx, now).Model(&tenants.Visit{}).Count(&waiting).Error; err != nil {
			return err
		}
		return tx.Where("session_digest IS NOT NULL AND expires_at > ? AND (ended_at IS NOT NULL OR expires_at <= ?)", now.Add(-untoldFor), now).
			Order("random()").Limit(most).Find(&over).Error
	})
	if err == nil && waiting > 0 {
		err = v.master.Update(ctx, func(tx *gorm.DB) error { return forgotten(tx, now).Delete(&tenants.Visit{}).Error })
	}
	if err != nil {
		return nil, fmt.Errorf("find visits that are over: %w", err)
	}
	return over, nil
}

// forgotten selects visits whose ends need not be told.
func forgotten(tx *gorm.DB, now time.Time) *gorm.DB {
	return tx.Where("session_digest IS NULL AND (link_expires_at <= ? OR ended_at IS NOT NULL) OR expires_at <= ?", now, now.Add(-untoldFor))
}
