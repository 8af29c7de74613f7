package proof

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// Unproven is a tenant whose backups can't be relied on.
type Unproven struct {
	TenantID, Subdomain string
	// ProvenAt is the newest proof; nil if there is none. CreatedAt is when the tenant was created.
	ProvenAt  *time.Time
	CreatedAt time.Time
	// Error is why the last try failed; empty if it didn't.
	Error string
}

// String says what is wrong.
func (u Unproven) String() string {
	const layout = "2006-01-02 15:04:05"
	switch {
	case u.Error != "":
		return "Its newest backup could not be restored: " + u.Error
	case u.ProvenAt == nil:
		return fmt.Sprintf("No restore of its backups was ever tried, and it exists since %s UTC.", u.CreatedAt.UTC().Format(layout))
	}
	return fmt.Sprintf("Its backups were proven last at %s UTC.", u.ProvenAt.UTC().Format(layout))
}

// Unproven returns up to limit tenants whose last try failed, or whose newest proof is older than allowed, the oldest first.
func (p *Proofs) Unproven(ctx context.Context, limit int) (all []Unproven, err error) {
	err = p.o.Store.Master().View(ctx, func(tx *gorm.DB) error {
		late, err := p.late(tx)
		if err != nil {
			return err
		}
		return late.Select("tenants.id AS tenant_id, subdomain, proven_at, created_at, coalesce(error, '') AS error").
			Order("coalesce(proven_at, created_at), tenants.id").Limit(limit).Scan(&all).Error
	})
	if err != nil {
		return nil, fmt.Errorf("look for tenants without proof of their backups: %w", err)
	}
	return all, nil
}

func (p *Proofs) late(tx *gorm.DB) (*gorm.DB, error) {
	now, err := p.o.Store.Master().Now(tx)
	if err != nil {
		return nil, err
	}
	if p.o.Age == 0 {
		return p.backedUp(tx).Where("error <> ''"), nil
	}
	return p.backedUp(tx).Where("error <> '' OR coalesce(proven_at, created_at) < ?", now.Add(-p.o.Age)), nil
}

// Standing says how the proofs of all tenants stand.
type Standing struct {
	// OldestProof is the oldest of the tenants' newest proofs, or the creation of a tenant that has none; nil without tenants.
	OldestProof *time.Time `json:"oldest_proof"`
	// Proven is the number of tenants with a proof that is not too old, and Failed of those whose last try failed.
	Proven int64 `json:"proven"`
	Failed int64 `json:"failed_proofs"`
}

// Standing reads it from the master.
func (p *Proofs) Standing(ctx context.Context) (s Standing, err error) {
	err = p.o.Store.Master().View(ctx, func(tx *gorm.DB) error {
		var oldest []time.Time
		for _, column := range []string{"proven_at", "created_at"} { // the minimum of an expression would have no type on SQLite
			q := p.backedUp(tx).Where(column + " IS NOT NULL")
			if column == "created_at" {
				q = q.Where("proven_at IS NULL")
			}
			if err := q.Order(column).Limit(1).Pluck(column, &oldest).Error; err != nil {
				return err
			}
			if len(oldest) > 0 && (s.OldestProof == nil || oldest[0].Before(*s.OldestProof)) {
				at := oldest[0].UTC()
				s.OldestProof = &at
			}
			oldest = nil
		}
		now, err := p.o.Store.Master().Now(tx)
		if err != nil {
			return err
		}
		proven := p.backedUp(tx).Where("error = ''")
		if p.o.Age > 0 {
			proven = proven.Where("proven_at >= ?", now.Add(-p.o.Age))
		}
		if err := proven.Count(&s.Proven).Error; err != nil {
			return err
		}
		return p.backedUp(tx).Where("error <> ''").Count(&s.Failed).Error
	})
	if err != nil {
		return s, fmt.Errorf("count proofs of backups: %w", err)
	}
	return s, nil
}
