package lifecycle

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// Resolver looks up TXT records. *net.Resolver implements it.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

func systemResolver() Resolver { return net.DefaultResolver }

// ErrHostTaken means that another tenant has verified the host.
var ErrHostTaken = errors.New("host is another tenant's")

// ErrUnknownDomain means that the tenant doesn't have the host.
var ErrUnknownDomain = errors.New("tenant has no such domain")

// UnverifiedError means that the host's TXT record does not contain the challenge yet.
type UnverifiedError struct {
	Host string
	// Record and Value are the name and the content of the TXT record to publish.
	Record, Value string
	// Err is the error of looking up the record. It is nil if the lookup succeeded.
	Err error
}

// Error describes the record to publish.
func (e *UnverifiedError) Error() string {
	text := fmt.Sprintf("host %q is not verified: publish a TXT record %s with the value %s", e.Host, e.Record, e.Value)
	if e.Err != nil {
		text += fmt.Sprintf(" (look-up: %v)", e.Err)
	}
	return text
}

// Unwrap returns Err.
func (e *UnverifiedError) Unwrap() error { return e.Err }

// ChallengeRecord returns the name of the TXT record that must contain a host's challenge.
func (m *Manager) ChallengeRecord(host string) string { return m.challenge + "." + host }

// Domains returns the tenant's domains, sorted by host. Returns tenants.ErrUnknownTenant if
// there is no such tenant.
func (m *Manager) Domains(ctx context.Context, subdomain string) (found []tenants.Domain, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		t, err := find(tx, subdomain)
		if err != nil {
			return err
		}
		return tx.Where("tenant_id = ?", t.ID).Order("host").Find(&found).Error
	})
	if err != nil {
		return nil, rowError(subdomain, err)
	}
	return found, nil
}

// AddDomain records a custom host of the tenant, with the challenge that VerifyDomain looks
// for. The caller must have checked host with tenants.Domain.ValidateHost. With primary, links
// lead to the host once it is verified; otherwise links stay as they are. AddDomain changes
// nothing else of a host that the tenant already has. Returns ErrHostTaken, a *StateError or an
// *UnderWayError.
func (m *Manager) AddDomain(ctx context.Context, by Operator, subdomain, host string, primary bool) (added tenants.Domain, err error) {
	_, err = m.doAsked(ctx, by, tenants.KindDomainAdd, subdomain, params{Host: host}, func(tx *gorm.DB, j *job) error {
		if err := mayHaveDomains(j.tenant); err != nil {
			return err
		}
		added, err = m.findOrMakeDomain(tx, j.tenant.ID, host)
		if err != nil {
			return err
		}
		if !added.CreatedAt.IsZero() && (added.Main || !primary) {
			return errUnchanged
		}
		added.Main = primary
		return saveDomain(tx, &added)
	})
	return added, err
}

// findOrMakeDomain returns the tenant's domain with the host. A new domain is not stored yet.
func (m *Manager) findOrMakeDomain(tx *gorm.DB, tenantID, host string) (d tenants.Domain, err error) {
	var others int64
	err = tx.Model(&tenants.Domain{}).Where("host = ? AND verified_at IS NOT NULL AND tenant_id <> ?", host, tenantID).Count(&others).Error
	switch {
	case err != nil:
		return d, err
	case others > 0:
		return d, ErrHostTaken
	}
	err = tx.Take(&d, "tenant_id = ? AND host = ?", tenantID, host).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return tenants.Domain{TenantID: tenantID, Host: host, Challenge: m.program + "-" + strings.ToLower(rand.Text())}, nil
	}
	return d, err
}

// saveDomain stores a domain. A verified primary domain replaces the previous primary domain.
func saveDomain(tx *gorm.DB, d *tenants.Domain) error {
	if d.Main && d.VerifiedAt != nil {
		err := tx.Model(&tenants.Domain{}).Where("tenant_id = ? AND host <> ?", d.TenantID, d.Host).Update("main", false).Error
		if err != nil {
			return err
		}
	}
	err := tx.Save(d).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrHostTaken
	}
	return err
}

// VerifyDomain checks whether the challenge of the tenant's domain is published, and then
// serves the tenant at the host. It does nothing if the domain is already verified. While the
// challenge is missing, it returns the domain together with an *UnverifiedError. Returns
// ErrUnknownDomain, ErrHostTaken, a *StateError or an *UnderWayError.
func (m *Manager) VerifyDomain(ctx context.Context, by Operator, subdomain, host string) (tenants.Domain, error) {
	all, err := m.Domains(ctx, subdomain)
	if err != nil {
		return tenants.Domain{}, err
	}
	i := slices.IndexFunc(all, func(d tenants.Domain) bool { return d.Host == host })
	if i < 0 {
		return tenants.Domain{}, ErrUnknownDomain
	}
	if all[i].VerifiedAt != nil {
		return all[i], nil
	}
	if err := m.verify(ctx, all[i]); err != nil {
		return all[i], err
	}
	return m.acceptDomain(ctx, by, subdomain, host)
}

// mayHaveDomains returns an error if the tenant's domains can't be changed.
func mayHaveDomains(t tenants.Tenant) error {
	if !t.State.IsSettled() {
		return &StateError{t.Subdomain, t.State, tenants.StateActive}
	}
	return nil
}

// verify returns an *UnverifiedError unless the domain's challenge is published.
func (m *Manager) verify(ctx context.Context, d tenants.Domain) error {
	record := m.ChallengeRecord(d.Host)
	values, err := m.resolver.LookupTXT(ctx, record)
	if err == nil && slices.Contains(values, d.Challenge) {
		return nil
	}
	var unknown *net.DNSError
	if errors.As(err, &unknown) && unknown.IsNotFound {
		err = nil // there is no record yet
	}
	return &UnverifiedError{Host: d.Host, Record: record, Value: d.Challenge, Err: err}
}

// acceptDomain marks the domain as verified, so that the tenant is served at the host.
func (m *Manager) acceptDomain(ctx context.Context, by Operator, subdomain, host string) (d tenants.Domain, err error) {
	_, err = m.doAsked(ctx, by, tenants.KindDomainVerify, subdomain, params{Host: host}, func(tx *gorm.DB, j *job) error {
		if err := mayHaveDomains(j.tenant); err != nil {
			return err
		}
		err := tx.Take(&d, "tenant_id = ? AND host = ?", j.tenant.ID, host).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return ErrUnknownDomain // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		d.VerifiedAt = &j.now
		return saveDomain(tx, &d)
	})
	return d, err
}

// RemoveDomain stops serving the tenant at the host. Returns tenants.ErrUnknownTenant,
// ErrUnknownDomain or an *UnderWayError.
func (m *Manager) RemoveDomain(ctx context.Context, by Operator, subdomain, host string) error {
	_, err := m.doAsked(ctx, by, tenants.KindDomainRemove, subdomain, params{Host: host}, func(tx *gorm.DB, j *job) error {
		removed := tx.Delete(&tenants.Domain{}, "tenant_id = ? AND host = ?", j.tenant.ID, host)
		if removed.Error == nil && removed.RowsAffected == 0 {
			return ErrUnknownDomain
		}
		return removed.Error
	})
	return err
}
