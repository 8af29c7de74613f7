package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// Finding is a problem that Doctor found.
type Finding struct {
	// Kind is one of this package's constants, or a tenants.FaultKind.
	Kind string `json:"kind"`
	// Subject is the tenant's subdomain, or the name of an object that belongs to no tenant.
	Subject string `json:"subject"`
	// Detail describes the problem. It contains no secrets.
	Detail string `json:"detail"`
	// Remedy says how to fix the problem.
	Remedy string `json:"remedy"`
	// Repaired reports whether Doctor has repaired the problem.
	Repaired bool `json:"repaired"`
	// Advice is set if nothing is wrong, but could be better.
	Advice bool `json:"advice,omitzero"`
}

// IsOpen reports whether something is wrong and has not been repaired.
func (f *Finding) IsOpen() bool { return !f.Repaired && !f.Advice }

// Checkup configures Doctor.
type Checkup struct {
	// Keys open the sealed values in the master. They are required.
	Keys *seal.Ring
	// Repair makes Doctor repair what can be repaired without losing data.
	Repair bool
	// By is the operator who asked, for the ledger. Defaults to "operator".
	By Operator
	// Progress reports how many of all tenants have been examined. It may be nil. Its calls
	// don't overlap.
	Progress func(done, total int)
}

// doctor is one call of Doctor.
type doctor struct {
	*Manager
	Checkup
	findings []Finding
	silent   map[string]bool // servers that were found not to answer
	full     map[string]bool // servers that were found to have no room
}

// doctorPage is the number of tenants that are examined in one transaction.
const doctorPage = 500

// errNoKeys means that the Checkup has no keys. Without keys, every sealed value would appear
// to be damaged.
var errNoKeys = errors.New("examine tenants: no keys")

// Doctor compares the master with the servers and returns its findings: abandoned operations,
// then problems with tenants' secrets and databases in the order of the tenants' ids, then
// objects that belong to no tenant, then advice. It skips tenants with an unfinished operation. It may run
// beside all other work. If it fails, it returns the error together with the findings until
// then.
func (m *Manager) Doctor(ctx context.Context, c Checkup) ([]Finding, error) {
	if c.Keys == nil {
		return nil, errNoKeys
	}
	if c.Progress == nil {
		c.Progress = func(int, int) {}
	}
	d := &doctor{Manager: m, Checkup: c, findings: []Finding{}, silent: map[string]bool{}, full: map[string]bool{}}
	examineTenants := func(ctx context.Context) error { return d.examineTenants(ctx, d.examinePage) }
	for _, look := range []func(context.Context) error{d.examineOperations, d.examineURLs, examineTenants, d.examineServers, d.adviseConnections, d.adviseCopies} {
		if err := look(ctx); err != nil {
			return d.findings, err
		}
	}
	return d.findings, nil
}

func (d *doctor) add(found ...Finding) { d.findings = append(d.findings, found...) }

// examineTenants calls examine with pages of all tenants.
func (d *doctor) examineTenants(ctx context.Context, examine func(ctx context.Context, page []tenants.Tenant) error) error {
	var total int64
	err := d.master.View(ctx, func(tx *gorm.DB) error { return tx.Model(&tenants.Tenant{}).Count(&total).Error })
	if err != nil {
		return fmt.Errorf("count tenants: %w", err)
	}
	done := 0
	for after := ""; ; {
		page, err := d.pageByID(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := examine(ctx, page); err != nil {
			return err
		}
		after = page[len(page)-1].ID
		done += len(page)
		d.Progress(done, max(done, int(total)))
	}
}

// examinePage examines the secrets and then the databases of a page of tenants.
func (d *doctor) examinePage(ctx context.Context, page []tenants.Tenant) error {
	if err := d.examineSecrets(ctx, page); err != nil {
		return err
	}
	return d.examineDatabases(ctx, page)
}

// pageByID returns the next page of tenants whose ids come after the given one. Ids never
// change, so no tenant is missed.
func (m *Manager) pageByID(ctx context.Context, after string) (page []tenants.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("id > ?", after).Order("id").Limit(doctorPage).Find(&page).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return page, nil
}
