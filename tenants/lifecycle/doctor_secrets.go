package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// The kinds of findings about tenants' sealed credentials.
const (
	// CredentialsUnreadable means that the credentials were sealed for another tenant or with
	// an unavailable key, or were altered. The tenant can't be opened.
	CredentialsUnreadable = "credentials-unreadable"
	// CredentialsMissing means that the tenant has no credentials and its engine needs some.
	// The tenant can't be opened.
	CredentialsMissing = "credentials-missing"
	// CredentialsOldKey means that an old key sealed the credentials. They are readable, but
	// the old key can't be removed.
	CredentialsOldKey = "credentials-old-key"
)

// examineSecrets examines a page of tenants' credentials. If d.Repair is set, it reseals those
// sealed with an old key. The secrets themselves don't change, so handles stay open.
func (d *doctor) examineSecrets(ctx context.Context, page []tenants.Tenant) error {
	var found []Finding
	old := map[int]*tenants.Tenant{} // by the place among the findings
	for i := range page {
		f := d.examineSecret(&page[i])
		if f == nil {
			continue
		}
		if f.Kind == CredentialsOldKey {
			old[len(found)] = &page[i]
		}
		found = append(found, *f)
	}
	if d.Repair && len(old) > 0 {
		if err := d.reseal(ctx, old, found); err != nil {
			return err
		}
	}
	d.add(found...)
	return nil
}

// examineSecret returns the problem of the tenant's credentials, or nil.
func (d *doctor) examineSecret(t *tenants.Tenant) *Finding {
	if len(t.Credentials) == 0 {
		return d.examineMissing(t)
	}
	if _, err := d.Keys.Open(t.ID, t.Credentials); errors.Is(err, seal.ErrUnknownKey) {
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
	if d.Keys.IsCurrent(t.Credentials) {
		return nil
	}
	return &Finding{
		Kind: CredentialsOldKey, Subject: t.Subdomain,
		Detail: "sealed with key " + d.Keys.KeyID(t.Credentials) + ", which is not the newest",
		Remedy: "run with --repair to seal them with the newest key; keep the old key until no such finding is left",
	}
}

// examineMissing asks the tenant's engine whether it needs credentials. It reports nothing if
// the engine is not configured.
func (d *doctor) examineMissing(t *tenants.Tenant) *Finding {
	engine, err := d.store.Server(t.Server)
	if err != nil || t.State == tenants.StatePurged {
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

// reseal seals the tenants' credentials with the newest key, unless they changed since they
// were read, and marks the findings. Each tenant's resealing is an operation in the ledger.
func (d *doctor) reseal(ctx context.Context, old map[int]*tenants.Tenant, found []Finding) error {
	var done []int
	d.at(tenants.KindReseal, "begin", "before")
	err := d.master.Update(ctx, func(tx *gorm.DB) error {
		done = nil
		for place, t := range old {
			changed, err := d.resealOne(tx, t)
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
	d.at(tenants.KindReseal, "begin", "after")
	for _, place := range done {
		found[place].Repaired = true
	}
	return nil
}

// resealOne reseals one tenant's credentials. It skips a tenant with an unfinished operation.
func (d *doctor) resealOne(tx *gorm.DB, t *tenants.Tenant) (changed bool, err error) {
	secret, err := d.Keys.Open(t.ID, t.Credentials)
	if err != nil {
		return false, err
	}
	sealed, err := d.Keys.Seal(t.ID, secret)
	if err != nil {
		return false, err
	}
	j, err := d.newJob(tx, d.By, tenants.KindReseal)
	if err != nil {
		return false, err
	}
	err = load(tx, j, t.ID)
	switch {
	case errors.Is(err, ErrUnderWay), errors.Is(err, gorm.ErrRecordNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	result := tx.Model(&tenants.Tenant{}).Where("id = ? AND credentials = ?", t.ID, t.Credentials).UpdateColumn("credentials", sealed)
	if result.Error != nil || result.RowsAffected == 0 {
		return false, result.Error
	}
	return true, j.write(tx)
}
