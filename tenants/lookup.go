package tenants

import (
	"context"
	"fmt"
	"slices"
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

// find looks up names in the master, for the registry. It returns no answer for those of no tenant.
func (s *Store) find(ctx context.Context, names []string) (found map[string]inquired, err error) {
	var hosts, subdomains []string
	for _, name := range names {
		if strings.Contains(name, ".") {
			hosts = append(hosts, name)
		} else {
			subdomains = append(subdomains, name)
		}
	}
	err = s.master.View(ctx, func(tx *gorm.DB) error {
		found = make(map[string]inquired)
		if err := s.findByHosts(tx, hosts, found); err != nil {
			return err
		}
		return s.findBySubdomains(tx, subdomains, found)
	})
	if err != nil {
		s.log.ErrorContext(ctx, "look up tenants", "names", names[:min(len(names), 5)], "error", err)
		return nil, fmt.Errorf("look up tenant: %w: %w", ErrUnavailable, err)
	}
	return found, nil
}

// findByHosts finds the tenants that have verified the hosts.
func (s *Store) findByHosts(tx *gorm.DB, hosts []string, found map[string]inquired) error {
	if len(hosts) == 0 {
		return nil
	}
	var domains []Domain
	if err := tx.Where("host IN ? AND verified_at IS NOT NULL", hosts).Find(&domains).Error; err != nil {
		return err
	}
	for _, domain := range domains {
		var t Tenant
		err := withMainDomain(tx).Take(&t, "id = ?", domain.TenantID).Error
		if err == nil {
			err = s.learnOf(tx, &t)
		}
		if err != nil {
			return err
		}
		found[domain.Host] = inquired{tenant: &t}
	}
	return nil
}

// withMainDomain preloads tenants' main domains.
func withMainDomain(tx *gorm.DB) *gorm.DB { return tx.Preload("Domains", "main") }

// findBySubdomains finds the tenants with the subdomains, and a *MovedError for those that redirect.
func (s *Store) findBySubdomains(tx *gorm.DB, subdomains []string, found map[string]inquired) error {
	if len(subdomains) == 0 {
		return nil
	}
	var rows []Tenant
	if err := withMainDomain(tx).Where("subdomain IN ?", subdomains).Find(&rows).Error; err != nil {
		return err
	}
	for i := range rows {
		if err := s.learnOf(tx, &rows[i]); err != nil {
			return err
		}
		found[rows[i].Subdomain] = inquired{tenant: &rows[i]}
	}
	if !slices.ContainsFunc(subdomains, func(name string) bool { _, ok := found[name]; return !ok }) {
		return nil
	}
	return s.findMoved(tx, subdomains, found)
}

// findMoved adds a *MovedError for each subdomain that redirects and that no tenant has.
func (s *Store) findMoved(tx *gorm.DB, subdomains []string, found map[string]inquired) error {
	now, err := s.master.Now(tx)
	if err != nil {
		return err
	}
	var moved []struct{ Subdomain, Target string }
	err = tx.Raw(`SELECT r.subdomain, t.subdomain AS target FROM retired_subdomains r JOIN tenants t ON t.id = r.tenant_id
		WHERE r.subdomain IN ? AND r.redirect_until > ? AND t.state IN ?`,
		subdomains, now, []State{StateActive, StateSuspended, StateMaintenance}).Scan(&moved).Error
	for _, m := range moved {
		if _, ok := found[m.Subdomain]; !ok {
			found[m.Subdomain] = inquired{err: &MovedError{m.Target}}
		}
	}
	return err
}
