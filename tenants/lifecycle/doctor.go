package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// Finding is something that is not as it should be.
type Finding struct {
	// Kind is one of this package's constants, or a tenants.FaultKind.
	Kind string `json:"kind"`
	// Subject is the tenant's subdomain, or the name of what belongs to none.
	Subject string `json:"subject"`
	// Detail says what is wrong, without secrets.
	Detail string `json:"detail"`
	// Remedy says what to do about it.
	Remedy string `json:"remedy"`
	// Repaired says that it was mended meanwhile.
	Repaired bool `json:"repaired"`
}

// Checkup says what Doctor is to do.
type Checkup struct {
	// Keys open what is sealed in the master. They are needed.
	Keys *seal.Ring
	// Repair mends what can be mended without losing data.
	Repair bool
	// By is who asked, for the ledger; empty means "operator".
	By Operator
	// Progress is told how many tenants were looked at, of how many; it may be
	// nil. Calls don't overlap.
	Progress func(done, total int)
}

// doctor is a checkup under way.
type doctor struct {
	*Manager
	Checkup
	findings []Finding
	silent   map[string]bool // servers that were found not to answer
}

// doctorPage is how many tenants are looked at in one transaction.
const doctorPage = 500

// errNoKeys: without keys everything sealed would seem broken.
var errNoKeys = errors.New("examine tenants: no keys")

// Doctor compares the master with the servers and returns what it finds:
// operations that nobody finishes, tenants' secrets and databases in the order
// of the ids, and what belongs to no tenant. Tenants that an operation is at
// are passed over. It may run beside everything else. With an error come the
// findings until then.
func (m *Manager) Doctor(ctx context.Context, c Checkup) ([]Finding, error) {
	if c.Keys == nil {
		return nil, errNoKeys
	}
	if c.Progress == nil {
		c.Progress = func(int, int) {}
	}
	d := &doctor{Manager: m, Checkup: c, findings: []Finding{}, silent: map[string]bool{}}
	for _, look := range []func(context.Context) error{d.examineOperations, d.examineTenants, d.examineServers} {
		if err := look(ctx); err != nil {
			return d.findings, err
		}
	}
	return d.findings, nil
}

func (d *doctor) add(found ...Finding) { d.findings = append(d.findings, found...) }

// examineTenants looks at all tenants, a page at a time.
func (d *doctor) examineTenants(ctx context.Context) error {
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
		if err := d.examinePage(ctx, page); err != nil {
			return err
		}
		after = page[len(page)-1].ID
		done += len(page)
		d.Progress(done, max(done, int(total)))
	}
}

// examinePage looks at some tenants' secrets, and then at their databases.
func (d *doctor) examinePage(ctx context.Context, page []tenants.Tenant) error {
	if err := d.examineSecrets(ctx, page); err != nil {
		return err
	}
	return d.examineDatabases(ctx, page)
}

// pageByID is the tenants whose ids come after the given one. Ids never change,
// so that none is missed.
func (m *Manager) pageByID(ctx context.Context, after string) (page []tenants.Tenant, err error) {
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("id > ?", after).Order("id").Limit(doctorPage).Find(&page).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	return page, nil
}
