package lifecycle

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// reservation is how long a subdomain that a tenant gave up is reserved.
const reservation = 30 * 24 * time.Hour

// Rename describes a tenant's change of subdomain.
type Rename struct {
	// To is the new subdomain.
	To string
	// RedirectDays is the number of days for which requests for the old subdomain are
	// redirected to the new one. With 0, the old subdomain answers as an unknown one.
	RedirectDays int
}

// Rename gives the tenant another subdomain. The tenant is under maintenance until running
// requests have finished. The old subdomain is reserved for 30 days, or for as long as it
// redirects. Returns a *tenants.SubdomainError, ErrExists, a *ReservedError or the errors of
// Suspend.
func (m *Manager) Rename(ctx context.Context, by Operator, subdomain string, r Rename) (*tenants.Tenant, error) {
	if err := m.checkSubdomain(r.To); err != nil {
		return nil, err
	}
	return m.doAsked(ctx, by, tenants.KindRename, subdomain, params{To: r.To}, func(tx *gorm.DB, j *job) error {
		switch j.tenant.State {
		case tenants.StateActive, tenants.StateSuspended:
		default:
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
		}
		if j.tenant.Subdomain == r.To {
			return errUnchanged
		}
		return m.markRename(tx, j, r)
	})
}

// markRename gives the tenant its new subdomain and puts it under maintenance.
func (m *Manager) markRename(tx *gorm.DB, j *job, r Rename) error {
	if err := m.free(tx, r.To, j.tenant.ID, j.now); err != nil {
		return err
	}
	j.op.Subdomain = j.tenant.Subdomain
	j.params = params{From: j.tenant.State, To: r.To}
	retired := tenants.RetiredSubdomain{Subdomain: j.tenant.Subdomain, TenantID: j.tenant.ID, ReservedUntil: j.now.Add(reservation)}
	if r.RedirectDays > 0 {
		until := j.now.AddDate(0, 0, r.RedirectDays)
		j.params.RedirectUntil = &until
		if until.After(retired.ReservedUntil) {
			retired.ReservedUntil = until
		}
	}
	if err := retire(tx, retired); err != nil {
		return err
	}
	return taken(mark(tx, j, map[string]any{"subdomain": r.To, "state": tenants.StateMaintenance}))
}

// retire reserves a subdomain, replacing any earlier reservation of it.
func retire(tx *gorm.DB, retired tenants.RetiredSubdomain) error {
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&retired).Error
}

// endRename returns the tenant to its former state and starts the redirect.
func endRename(tx *gorm.DB, j *job) error {
	if j.params.RedirectUntil != nil {
		err := tx.Model(&tenants.RetiredSubdomain{}).Where("subdomain = ? AND tenant_id = ?", j.op.Subdomain, j.tenant.ID).
			Update("redirect_until", j.params.RedirectUntil).Error
		if err != nil {
			return err
		}
	}
	return setTenant(tx, j, map[string]any{"state": j.params.From})
}
