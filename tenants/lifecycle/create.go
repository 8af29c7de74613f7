package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrExists: the subdomain belongs to a tenant already, maybe to one that is
// being created.
var ErrExists = errors.New("subdomain is taken")

// ErrReserved is matched by every *ReservedError.
var ErrReserved = errors.New("subdomain is reserved")

// ReservedError: another tenant had the subdomain not long ago, and whoever got
// it now would get that one's visitors.
type ReservedError struct {
	Subdomain string
	Until     time.Time
}

// Error tells until when.
func (e *ReservedError) Error() string {
	return fmt.Sprintf("subdomain %q was another tenant's and is reserved until %s", e.Subdomain, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap is ErrReserved.
func (e *ReservedError) Unwrap() error { return ErrReserved }

// ErrInvalidName: a tenant's name is too long or holds control characters.
var ErrInvalidName = errors.New("name must be valid text in one line, not blank, of at most 200 characters and without control characters")

// NewTenant says what to create.
type NewTenant struct {
	Subdomain string
	// Name is for people; empty means the subdomain.
	Name string
	// Server is where the database is to live; empty means tenants.DefaultServer.
	Server string
	// Source is the URL of an existing database that the tenant's becomes a copy
	// of, as tenants.Engine's Adopt says; empty for a new one.
	Source string
	// CreatedBy says what made the tenant. Defaults to "operator".
	CreatedBy string
	// Admin is the e-mail address of the tenant's first admin; empty for none.
	Admin string
	// LetIn lets the admin in. It is called once the database is there and before
	// the tenant is served, and reaches the tenant by tenants.Store's Maintain. When
	// it fails the creation is undone. It may be called again.
	LetIn func(ctx context.Context, t *tenants.Tenant) error
	// By is who asked; empty means "operator".
	By Operator
}

// Create makes a tenant: it reserves the subdomain, creates the database from
// the template, or from the source, lets the first admin in, and activates the tenant. When a step fails
// the earlier ones are undone; when the process dies, Recover goes on. It
// returns a *tenants.SubdomainError, ErrInvalidName, ErrExists, a
// *ReservedError, or why the engine or the master refused.
func (m *Manager) Create(ctx context.Context, n NewTenant) (*tenants.Tenant, error) {
	t, err := m.prepare(n)
	if err != nil {
		return nil, err
	}
	kind := tenants.KindCreate
	if n.Source != "" {
		kind = tenants.KindAdopt
	}
	j, err := m.begin(ctx, n.By, kind, func(tx *gorm.DB, j *job) error {
		j.tenant, j.source, j.letIn = *t, n.Source, n.LetIn
		j.params.Version, j.params.Email = t.SchemaVersion, n.Admin
		j.plan = planWith(kind, j.params)
		if err := m.free(tx, t.Subdomain, t.ID, j.now); err != nil {
			return err
		}
		return taken(tx.Create(&j.tenant).Error)
	})
	if err == nil {
		err = m.run(ctx, j, false)
	}
	if err != nil {
		return nil, fmt.Errorf("create tenant %q: %w", t.Subdomain, err)
	}
	return &j.tenant, nil
}

// taken gives a duplicate subdomain its error.
func taken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists
	}
	return err
}

// free returns a *ReservedError when the subdomain was another tenant's of late.
// What was the tenant's own is its own again.
func (m *Manager) free(tx *gorm.DB, subdomain, tenantID string, now time.Time) error {
	var held []tenants.RetiredSubdomain
	if err := tx.Where("subdomain = ?", subdomain).Find(&held).Error; err != nil || len(held) == 0 {
		return err
	}
	if held[0].TenantID != tenantID && held[0].ReservedUntil.After(now) {
		return &ReservedError{subdomain, held[0].ReservedUntil}
	}
	return tx.Delete(&held[0]).Error
}

// checkSubdomain returns a *tenants.SubdomainError if no tenant can have the subdomain.
func (m *Manager) checkSubdomain(subdomain string) error {
	if slices.Contains(m.reserved, subdomain) {
		return &tenants.SubdomainError{Subdomain: subdomain, Rule: "is reserved"}
	}
	return tenants.ValidateSubdomain(subdomain)
}

// prepare checks what was asked for and makes the row that reserves it.
func (m *Manager) prepare(n NewTenant) (*tenants.Tenant, error) {
	if err := m.checkSubdomain(n.Subdomain); err != nil {
		return nil, err
	}
	name := cmp.Or(strings.TrimSpace(n.Name), n.Subdomain)
	if err := checkName(name); err != nil {
		return nil, err
	}
	t := &tenants.Tenant{
		ID: newID(), Subdomain: n.Subdomain, Name: name,
		State: tenants.StateProvisioning, Server: n.Server, CreatedBy: n.CreatedBy, Epoch: 1,
	}
	if t.Server == "" {
		t.Server = tenants.DefaultServer
	}
	if t.CreatedBy == "" {
		t.CreatedBy = "operator"
	}
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return nil, err
	}
	t.Database, t.SchemaVersion = engine.DatabaseName(t.ID), engine.SchemaVersion()
	t.Credentials, err = engine.NewCredentials(t.ID)
	if err != nil {
		return nil, fmt.Errorf("make credentials of tenant %q: %w", t.Subdomain, err)
	}
	return t, nil
}

// FinishCreate goes on with a creation that nobody is at any more, and waits for
// one that somebody is at. One that the ledger doesn't know, of before there was
// a ledger, is begun again. A tenant that is there already is returned as it is.
// It returns tenants.ErrUnknownTenant, also when the creation was undone, or why
// it can't be finished.
func (m *Manager) FinishCreate(ctx context.Context, subdomain string) (*tenants.Tenant, error) {
	tick := time.NewTicker(quietTick)
	defer tick.Stop()
	for {
		t, err := m.Get(ctx, subdomain)
		if err != nil || t.State != tenants.StateProvisioning {
			return t, err
		}
		if err := m.goOnCreating(ctx, t); err != nil {
			return nil, fmt.Errorf("create tenant %q: %w", subdomain, err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// goOnCreating does what is left of a creation, unless somebody is at it.
func (m *Manager) goOnCreating(ctx context.Context, t *tenants.Tenant) error {
	var unfinished []tenants.Operation
	var orphans []string
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("tenant_id = ? AND finished_at IS NULL", t.ID).Find(&unfinished).Error; err != nil {
			return err
		}
		return m.orphaned(tx).Where("tenant_id = ?", t.ID).Pluck("id", &orphans).Error
	})
	switch {
	case err != nil:
		return err
	case len(unfinished) == 0:
		return m.createAgain(ctx, System, t.ID)
	case len(orphans) == 0:
		return nil
	}
	j, err := m.takeOver(ctx, orphans[0])
	if err != nil || j == nil {
		return err
	}
	return m.run(ctx, j, true)
}

// createAgain begins the creation of a tenant anew whose row is there, and which
// no operation will finish.
func (m *Manager) createAgain(ctx context.Context, by Operator, id string) error {
	_, err := m.do(ctx, by, tenants.KindCreate, id, func(_ *gorm.DB, j *job) error {
		if j.tenant.State != tenants.StateProvisioning {
			return errUnchanged
		}
		j.params.Version = j.tenant.SchemaVersion
		return nil
	})
	if errors.Is(err, ErrUnderWay) {
		return nil // somebody was faster
	}
	return err
}
