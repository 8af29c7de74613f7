package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Retired is a subdomain that a tenant has given up and that is reserved or redirects.
type Retired struct {
	Subdomain string `json:"subdomain"`
	// Tenant is the tenant's present subdomain, or the id of a purged tenant.
	Tenant string `json:"tenant"`
	// RedirectUntil is the time until which requests are redirected to the tenant. It is nil if
	// they are not.
	RedirectUntil *time.Time `json:"redirect_until,omitempty"`
	// ReservedUntil is the time until which no other tenant can have the subdomain.
	ReservedUntil time.Time `json:"reserved_until"`
	// Restorable reports whether the tenant is purged and can be restored at the subdomain.
	Restorable bool `json:"restorable"`

	tenantID string
}

// ErrNotReserved means that no tenant reserves the subdomain.
var ErrNotReserved = errors.New("subdomain is not reserved")

// Retired returns the subdomains that a tenant has given up, sorted; those of all tenants if
// tenantID is empty.
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

// readRetired reads the subdomains that are reserved or redirect by the master's clock: those
// of one subdomain or tenant, or all.
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

// Reserved returns the reservation of the subdomain. Returns ErrNotReserved if there is none.
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

// Release frees a subdomain that a tenant has given up, and ends its redirect. Returns
// ErrNotReserved, or an *UnderWayError if an operation on the tenant that had it is unfinished.
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
