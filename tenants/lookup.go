package tenants

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Lookup returns the tenant that is served, perhaps only to those who read, at the subdomain, or at the custom host if name has dots.
// The tenant is shared and must not be changed. Returns ErrUnknownTenant (also for hidden
// tenants), a *MovedError, ErrSuspended, ErrMaintenance, a *MaintenanceError, a *VersionError, or ErrUnavailable
// if the master doesn't answer. A tenant that is migrated by its first scope is returned.
func (s *Store) Lookup(ctx context.Context, name string) (*Tenant, error) {
	t, err := s.registry.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := s.checkReadable(t); err != nil && !s.isMigrated(t, err) {
		return nil, err
	}
	return t, nil
}

// find looks up a name in the master, for the registry.
func (s *Store) find(ctx context.Context, name string) (t *Tenant, err error) {
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		if strings.Contains(name, ".") {
			t, err = findByHost(tx, name)
		} else {
			t, err = s.findBySubdomain(tx, name)
		}
		if err != nil {
			return err
		}
		return s.learnOf(tx, t)
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil, ErrUnknownTenant
	case errors.Is(err, ErrUnknownTenant):
		return nil, err
	case err != nil:
		s.log.ErrorContext(ctx, "look up tenant", "name", name, "error", err)
		return nil, fmt.Errorf("look up tenant: %w: %w", ErrUnavailable, err)
	}
	return t, nil
}

// findByHost returns the tenant that has verified the host.
func findByHost(tx *gorm.DB, host string) (*Tenant, error) {
	var t Tenant
	err := withMainDomain(tx).Where("id = (SELECT tenant_id FROM domains WHERE host = ? AND verified_at IS NOT NULL)", host).Take(&t).Error
	return &t, err
}

// withMainDomain preloads tenants' main domains.
func withMainDomain(tx *gorm.DB) *gorm.DB { return tx.Preload("Domains", "main") }

// findBySubdomain returns the tenant with the subdomain, or a *MovedError.
func (s *Store) findBySubdomain(tx *gorm.DB, subdomain string) (*Tenant, error) {
	var t Tenant
	err := withMainDomain(tx).Where("subdomain = ?", subdomain).Take(&t).Error
	if !errors.Is(err, gorm.ErrRecordNotFound) {
		return &t, err
	}
	now, err := s.master.Now(tx)
	if err != nil {
		return nil, err
	}
	var moved []string
	err = tx.Raw(`SELECT t.subdomain FROM retired_subdomains r JOIN tenants t ON t.id = r.tenant_id
		WHERE r.subdomain = ? AND r.redirect_until > ? AND t.state IN ?`,
		subdomain, now, []State{StateActive, StateSuspended, StateMaintenance}).Scan(&moved).Error
	switch {
	case err != nil:
		return nil, err
	case len(moved) == 0:
		return nil, ErrUnknownTenant
	}
	return nil, &MovedError{moved[0]}
}
