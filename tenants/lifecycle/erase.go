package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Vault is the backups' storage, in which each tenant's objects are encrypted with a key of its own.
type Vault interface {
	// DestroyKey destroys the tenant's key for good. It may be repeated.
	DestroyKey(ctx context.Context, tenantID string) error
	// Objects lists what is stored of the tenant. It needs no key.
	Objects(ctx context.Context, tenantID string) ([]tenants.StoredObject, error)
	// Place returns where the objects are, without credentials.
	Place() string
}

// Certificate says what the erasure of a tenant has done, and how that can be checked.
type Certificate struct {
	// Operation is the id of the erasure in the ledger.
	Operation string `json:"operation"`
	TenantID  string `json:"tenant_id"`
	Subdomain string `json:"subdomain"`
	Name      string `json:"name"`
	By        string `json:"by"`
	Reason    string `json:"reason"`
	// Server and Database are what was removed.
	Server   string    `json:"server"`
	Database string    `json:"database"`
	BegunAt  time.Time `json:"begun_at"`
	ErasedAt time.Time `json:"erased_at"`
	// Backups is where the backups are whose key was destroyed. It is empty if there were none.
	Backups string `json:"backups"`
	// Objects can't be read any more, wherever copies of them are.
	Objects []tenants.StoredObject `json:"objects"`
	// Outside are copies that the erasure doesn't reach.
	Outside []string `json:"outside"`
	// Checks say how to check the certificate.
	Checks []string `json:"checks"`
}

// Erasure describes the erasure of a tenant.
type Erasure struct {
	// Reason is recorded, in one line.
	Reason string
	// WithoutBackups says that the tenant was never backed up, so that there is no key to destroy.
	WithoutBackups bool
}

// ErrNoVault means that the backups' storage isn't configured.
var ErrNoVault = errors.New("the backups' storage is not configured here, so that the key of the tenant's backups can't be destroyed")

// ErrInvalidReason means that the reason of an erasure can't be recorded.
var ErrInvalidReason = errors.New("the reason must be valid text in one line, not blank, of at most 500 characters and without control characters")

// Erase removes the data of an active, suspended, archived or purged tenant for good: its database, what a move has left
// behind, and the key of its backups. What is said of Purge holds for its subdomain and domains. It is never undone; if it
// can't be finished now, for example because the backups' storage is away, it is resumed later. For a tenant that was erased
// it returns the certificate again. Returns ErrInvalidReason, ErrNoVault, or the errors of Suspend.
func (m *Manager) Erase(ctx context.Context, by Operator, subdomain string, e Erasure) (*Certificate, error) {
	if !isReason(e.Reason) {
		return nil, ErrInvalidReason
	}
	if m.vault == nil && !e.WithoutBackups {
		return nil, ErrNoVault
	}
	var id string
	t, err := m.do(ctx, by, tenants.KindErase, subdomain, func(tx *gorm.DB, j *job) error {
		id = j.tenant.ID
		var done int64
		err := tx.Model(&tenants.Operation{}).Where("tenant_id = ? AND kind = ? AND state = ?", id, tenants.KindErase, tenants.OperationDone).Count(&done).Error
		switch {
		case err != nil:
			return err
		case done > 0:
			return errUnchanged
		}
		if err := markErase(tx, j); err != nil {
			return err
		}
		j.params.Reason, j.params.WithoutBackups = e.Reason, e.WithoutBackups
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.CertificateOf(ctx, t)
}

func isReason(text string) bool {
	return utf8.ValidString(text) && strings.TrimSpace(text) != "" && utf8.RuneCountInString(text) <= 500 && !strings.ContainsFunc(text, unicode.IsControl)
}

// markErase takes the tenant out of service as a purge does.
func markErase(tx *gorm.DB, j *job) (err error) {
	switch {
	case j.tenant.State.IsSettled():
		return markPurge(tx, j, 0)
	case j.tenant.State != tenants.StatePurged:
		return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StatePurged}
	}
	if j.op.Subdomain, err = subdomainBefore(tx, j.tenant.ID); err != nil {
		return err
	}
	after := j.now
	j.params = params{From: j.tenant.State, RemoveAfter: &after}
	return mark(tx, j, map[string]any{})
}

// ErrNotErased means that a tenant was not erased.
var ErrNotErased = errors.New("the tenant was not erased")

// CertificateOf returns the certificate of an erased tenant. Returns ErrNotErased if there is none.
func (m *Manager) CertificateOf(ctx context.Context, t *tenants.Tenant) (*Certificate, error) {
	var found []tenants.Operation
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("tenant_id = ? AND kind = ? AND state = ?", t.ID, tenants.KindErase, tenants.OperationDone).Find(&found).Error
	})
	if err == nil && len(found) == 0 {
		err = ErrNotErased
	}
	var p params
	if err == nil {
		err = json.Unmarshal([]byte(found[0].Params), &p)
	}
	if err != nil {
		return nil, fmt.Errorf("certificate of tenant %s: %w", t.ID, err)
	}
	return p.Certificate, nil
}

// destroyKey destroys the key of the tenant's backups.
func destroyKey(m *Manager, ctx context.Context, j *job) error {
	switch {
	case m.vault != nil:
		return m.vault.DestroyKey(ctx, j.tenant.ID)
	case j.params.WithoutBackups:
		return nil
	}
	return ErrNoVault
}

// certify writes the certificate.
func certify(m *Manager, ctx context.Context, j *job) (err error) {
	was := j.tenant
	c := &Certificate{
		Operation: j.op.ID, TenantID: was.ID, Subdomain: j.op.Subdomain, Name: was.Name, By: j.op.By, Reason: j.params.Reason,
		Server: was.Server, Database: was.Database, BegunAt: j.op.StartedAt.UTC(), Objects: []tenants.StoredObject{},
	}
	if m.vault != nil {
		c.Backups = m.vault.Place()
		if c.Objects, err = m.vault.Objects(ctx, was.ID); err != nil {
			return err
		}
	}
	if c.Outside, err = m.copiesOf(ctx, was.ID); err != nil {
		return err
	}
	c.Checks = m.checksOf(c)
	j.params.Certificate = c
	return nil
}

// checksOf says how to check a certificate.
func (m *Manager) checksOf(c *Certificate) []string {
	checks := []string{
		fmt.Sprintf("%s tenant show %s: the tenant is purged and has no time until which it can be restored", m.program, c.TenantID),
		fmt.Sprintf("on server %s is no database %s: %s doctor finds nothing", c.Server, c.Database, m.program),
	}
	if c.Backups == "" {
		return append(checks, "the operator said that there are no backups")
	}
	return append(checks,
		fmt.Sprintf("in %s is no object below keys/%s/, in any version, and the object erased/%s is there", c.Backups, c.TenantID, c.TenantID),
		fmt.Sprintf("%s tenant restore %s --as NEW says that there is no key", m.program, c.TenantID),
		"each object has the size and the SHA-256 that are named, and is a file of age, encrypted for a key that is in no database and nowhere else")
}

// copiesOf names the copies of a tenant that the ledger knows and an erasure doesn't reach.
func (m *Manager) copiesOf(ctx context.Context, id string) ([]string, error) {
	var made []tenants.Operation
	outside := []string{}
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("state = ?", tenants.OperationDone).
			Where("tenant_id = ? AND kind IN ? OR kind IN ? AND params LIKE ?", id, []tenants.OperationKind{tenants.KindExport, tenants.KindBackupKey},
				[]tenants.OperationKind{tenants.KindClone, tenants.KindAdopt, tenants.KindCreate}, `%"of":"`+id+`"%`).
			Order("id").Find(&made).Error
	})
	for _, o := range made {
		at := o.StartedAt.UTC().Format(time.RFC3339)
		switch o.Kind {
		case tenants.KindExport:
			outside = append(outside, fmt.Sprintf("a file that %s exported at %s", o.By, at))
		case tenants.KindBackupKey:
			outside = append(outside, fmt.Sprintf("the key of the backups, which was shown to %s at %s: with it, copies of the objects can be read", o.By, at))
		default:
			outside = append(outside, fmt.Sprintf("tenant %s, made at %s by %s from this one, at %s first", o.TenantID, at, o.By, o.Subdomain))
		}
	}
	return outside, err
}

// storeCertificate records the certificate in the ledger.
func storeCertificate(_ *gorm.DB, j *job) error {
	j.params.Certificate.ErasedAt = j.now
	text, err := json.Marshal(j.params)
	j.op.Params = string(text)
	return err
}

// RecordBackupKey records in the ledger that the operator asked for the key of the tenant's backups. It must be called
// before the key is shown.
func (m *Manager) RecordBackupKey(ctx context.Context, by Operator, t *tenants.Tenant) error {
	j, err := m.begin(ctx, by, tenants.KindBackupKey, func(_ *gorm.DB, j *job) error {
		j.tenant = *t
		return nil
	})
	if err != nil {
		return fmt.Errorf("record that the key was shown: %w", err)
	}
	m.store.Process().Release(j.op.ID)
	return nil
}
