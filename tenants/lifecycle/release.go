package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Retired is a subdomain that a tenant has given up, and that is kept from
// others or redirects.
type Retired struct {
	Subdomain string `json:"subdomain"`
	// Tenant is what the tenant is called now; for a purged one its id.
	Tenant string `json:"tenant"`
	// RedirectUntil is how long requests are sent on to the tenant; nil for not
	// at all.
	RedirectUntil *time.Time `json:"redirect_until,omitempty"`
	// ReservedUntil is how long no other tenant gets the subdomain.
	ReservedUntil time.Time `json:"reserved_until"`
	// Restorable says that the tenant is purged, and can be restored at the
	// subdomain.
	Restorable bool `json:"restorable"`

	tenantID string
}

// ErrNotReserved: no tenant reserves the subdomain.
var ErrNotReserved = errors.New("subdomain is not reserved")

// Retired lists the subdomains that tenants have given up, in their order: those
// of one tenant, or of all when the id is empty.
func (m *Manager) Retired(ctx context.Context, tenantID string) (all []Retired, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		all, err = m.readRetired(tx, tenants.RetiredSubdomain{TenantID: tenantID})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reserved subdomains: %w", err)
	}
	return all, nil
}

// readRetired reads what is reserved or redirects by the master's clock: of one
// subdomain or tenant, or all.
func (m *Manager) readRetired(tx *gorm.DB, of tenants.RetiredSubdomain) ([]Retired, error) {
	now, err := m.master.Now(tx)
	if err != nil {
		return nil, err
	}
	var rows []struct {
		tenants.RetiredSubdomain
		Name        string
		State       tenants.State
		RemoveAfter *time.Time
	}
	err = tx.Model(&tenants.RetiredSubdomain{}).Joins("JOIN tenants ON tenants.id = retired_subdomains.tenant_id").
		Select("retired_subdomains.*, tenants.subdomain AS name, tenants.state, tenants.remove_after").
		Where(&of).Where("retired_subdomains.reserved_until > ? OR retired_subdomains.redirect_until > ?", now, now).
		Order("retired_subdomains.subdomain").Find(&rows).Error
	all := []Retired{}
	for _, row := range rows {
		r := Retired{Subdomain: row.Subdomain, Tenant: row.Name, ReservedUntil: row.ReservedUntil.UTC(), tenantID: row.TenantID}
		if row.RedirectUntil != nil && row.RedirectUntil.After(now) {
			until := row.RedirectUntil.UTC()
			r.RedirectUntil = &until
		}
		if row.State == tenants.StatePurged {
			r.Tenant, r.Restorable = row.TenantID, row.RemoveAfter != nil
		}
		all = append(all, r)
	}
	return all, err
}

// Reserved is who has given up the subdomain, and until when it is kept from
// others. It returns ErrNotReserved when it isn't.
func (m *Manager) Reserved(ctx context.Context, subdomain string) (Retired, error) {
	var all []Retired
	err := m.master.View(ctx, func(tx *gorm.DB) (err error) {
		all, err = m.readRetired(tx, tenants.RetiredSubdomain{Subdomain: subdomain})
		return err
	})
	if err == nil && (len(all) == 0 || subdomain == "") {
		err = ErrNotReserved
	}
	if err != nil {
		return Retired{}, fmt.Errorf("subdomain %q: %w", subdomain, err)
	}
	return all[0], nil
}

// Release lets tenants have a subdomain that another one has given up, and ends
// its redirect. It returns ErrNotReserved, or an *UnderWayError while an
// operation on the tenant that had it is unfinished.
func (m *Manager) Release(ctx context.Context, by Operator, subdomain string) (Retired, error) {
	released, err := m.Reserved(ctx, subdomain)
	if err != nil {
		return Retired{}, err
	}
	_, err = m.do(ctx, by, tenants.KindRelease, released.tenantID, func(tx *gorm.DB, j *job) error {
		j.op.Subdomain = subdomain
		result := tx.Delete(&tenants.RetiredSubdomain{}, "subdomain = ? AND tenant_id = ?", subdomain, j.tenant.ID)
		if result.Error == nil && result.RowsAffected == 0 {
			return ErrNotReserved
		}
		return result.Error
	})
	return released, err
}
