package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/seal"
)

// The kinds of findings.
const (
	// CredentialsUnreadable: they were sealed for another tenant or with a key
	// that is not there, or were altered. The tenant can't be opened.
	CredentialsUnreadable = "credentials-unreadable"
	// CredentialsMissing: the tenant's engine needs some. The tenant can't be
	// opened.
	CredentialsMissing = "credentials-missing"
	// CredentialsOldKey: they open, and keep an old key from being removed.
	CredentialsOldKey = "credentials-old-key"
)

// Finding is something that is not as it should be.
type Finding struct {
	// Kind is one of the constants above.
	Kind string `json:"kind"`
	// Subject is the tenant's subdomain.
	Subject string `json:"subject"`
	// Detail says what is wrong, without secrets.
	Detail string `json:"detail"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy"`
	// Repaired says that it was mended meanwhile.
	Repaired bool `json:"repaired"`
}

// doctorPage is how many tenants are looked at in one transaction.
const doctorPage = 500

// errNoKeys: without keys everything sealed would seem broken.
var errNoKeys = errors.New("examine tenants: no keys")

// Doctor looks at every tenant's sealed credentials, in whatever state the
// tenant is, and returns what it finds in the order of the ids. With repair it
// seals anew what an old key has sealed; the secrets themselves stay, and so do
// open handles. It may run beside everything else.
func (m *Manager) Doctor(ctx context.Context, keys *seal.Ring, repair bool) ([]Finding, error) {
	if keys == nil {
		return nil, errNoKeys
	}
	findings := []Finding{}
	for after := ""; ; {
		page, err := m.pageByID(ctx, after)
		if err != nil || len(page) == 0 {
			return findings, err
		}
		found, err := m.examinePage(ctx, keys, page, repair)
		if err != nil {
			return findings, err
		}
		findings = append(findings, found...)
		after = page[len(page)-1].ID
	}
}

// pageByID is the tenants whose ids come after the given one. Ids never change,
// so that none is missed.
func (m *Manager) pageByID(ctx context.Context, after string) (page []models.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("id > ?", after).Order("id").Limit(doctorPage).Find(&page).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return page, nil
}

// examinePage finds what is wrong with some tenants, and mends what can be.
func (m *Manager) examinePage(ctx context.Context, keys *seal.Ring, page []models.Tenant, repair bool) ([]Finding, error) {
	var findings []Finding
	old := map[int]*models.Tenant{} // by the place among the findings
	for i := range page {
		f := m.examine(keys, &page[i])
		if f == nil {
			continue
		}
		if f.Kind == CredentialsOldKey {
			old[len(findings)] = &page[i]
		}
		findings = append(findings, *f)
	}
	if !repair || len(old) == 0 {
		return findings, nil
	}
	return findings, m.reseal(ctx, keys, old, findings)
}

// examine returns what is wrong with the tenant's credentials, or nil.
func (m *Manager) examine(keys *seal.Ring, t *models.Tenant) *Finding {
	if len(t.Credentials) == 0 {
		return m.examineMissing(t)
	}
	if _, err := keys.Open(t.ID, t.Credentials); errors.Is(err, seal.ErrUnknownKey) {
		return &Finding{
			Kind: CredentialsUnreadable, Subject: t.Subdomain, Detail: err.Error(),
			Remedy: "add the key with that id to the configured keys, after the newest one",
		}
	} else if err != nil {
		return &Finding{
			Kind: CredentialsUnreadable, Subject: t.Subdomain, Detail: err.Error(),
			Remedy: "restore the credentials of tenant " + t.ID + " from a backup of the master",
		}
	}
	if keys.IsCurrent(t.Credentials) {
		return nil
	}
	return &Finding{
		Kind: CredentialsOldKey, Subject: t.Subdomain,
		Detail: "sealed with key " + keys.KeyID(t.Credentials) + ", which is not the newest",
		Remedy: "seal them anew with --repair, and keep the old key until none is left",
	}
}

// examineMissing asks the tenant's engine whether it needs credentials. One
// that is not configured can't tell.
func (m *Manager) examineMissing(t *models.Tenant) *Finding {
	engine, err := m.store.Server(t.Server)
	if err != nil || t.State == models.StatePurged {
		return nil
	}
	if needed, err := engine.NewCredentials(t.ID); err != nil || needed == nil {
		return nil
	}
	return &Finding{
		Kind: CredentialsMissing, Subject: t.Subdomain, Detail: "the tenant has no credentials",
		Remedy: "restore the credentials of tenant " + t.ID + " from a backup of the master",
	}
}

// reseal seals the tenants' credentials with the newest key, where nobody has
// changed them since they were read, and marks the findings.
func (m *Manager) reseal(ctx context.Context, keys *seal.Ring, old map[int]*models.Tenant, findings []Finding) error {
	var done []int
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		done = nil
		for place, t := range old {
			changed, err := resealOne(tx, keys, t)
			if err != nil {
				return fmt.Errorf("seal credentials of tenant %q: %w", t.Subdomain, err)
			}
			if changed {
				done = append(done, place)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, place := range done {
		findings[place].Repaired = true
	}
	return nil
}

func resealOne(tx *gorm.DB, keys *seal.Ring, t *models.Tenant) (changed bool, err error) {
	secret, err := keys.Open(t.ID, t.Credentials)
	if err != nil {
		return false, err
	}
	sealed, err := keys.Seal(t.ID, secret)
	if err != nil {
		return false, err
	}
	result := tx.Model(&models.Tenant{}).Where("id = ? AND credentials = ?", t.ID, t.Credentials).UpdateColumn("credentials", sealed)
	return result.RowsAffected == 1, result.Error
}
