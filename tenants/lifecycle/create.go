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

// ErrExists means that another tenant has the subdomain. That tenant may still be under
// creation.
var ErrExists = errors.New("subdomain is taken")

// ErrReserved is matched by every *ReservedError.
var ErrReserved = errors.New("subdomain is reserved")

// ReservedError means that the subdomain belonged to another tenant until recently. A new owner
// would receive the visitors of the former one.
type ReservedError struct {
	Subdomain string
	Until     time.Time
}

// Error says until when the subdomain is reserved.
func (e *ReservedError) Error() string {
	return fmt.Sprintf("subdomain %q was another tenant's and is reserved until %s", e.Subdomain, e.Until.UTC().Format(time.RFC3339))
}

// Unwrap returns ErrReserved.
func (e *ReservedError) Unwrap() error { return ErrReserved }

// ErrInvalidName means that a tenant's name is not valid text, is blank or too long, or
// contains control characters.
var ErrInvalidName = errors.New("name must be valid text in one line, not blank, of at most 200 characters and without control characters")

// NewTenant describes a tenant to create.
type NewTenant struct {
	Subdomain string
	// Name is the display name. Defaults to the subdomain.
	Name string
	// Server is the server of the database. Defaults to the active one with Labels that has the most room.
	Server string
	// Labels are labels that the server must have, unless Server names one.
	Labels map[string]string
	// Source is the URL of an existing database to copy, as described at tenants.Engine's
	// Adopt. If it is empty, the tenant gets a new database.
	Source string
	// Settings are the tenant's settings. Defaults to those of a File, or to none of its own.
	Settings tenants.StoredSettings
	// Origin is the id of the tenant whose data the source is, for the ledger. It may be empty.
	Origin string
	// File is the path of a portable file whose rows the tenant gets. It must stay there until the tenant is created.
	File string
	// Progress is called when so many of all tables of the file are copied. It may be nil.
	Progress func(done, all int)
	// CreatedBy records what created the tenant. Defaults to "operator".
	CreatedBy string
	// Admin is the e-mail address of the tenant's first admin. If it is empty, there is none.
	Admin string
	// AddAdmin gives the admin access. It is called after the database is created and before the
	// tenant is served, and opens the tenant with tenants.Store's Maintain. If it fails, the
	// creation is undone. It may be called more than once.
	AddAdmin func(ctx context.Context, t *tenants.Tenant) error
	// By is the operator who asked for the creation. Defaults to "operator".
	By Operator

	of *tenants.Tenant // the tenant to clone
}

// Create creates a tenant: it reserves the subdomain, creates the database from the template or
// the source, gives the first admin access, and activates the tenant. If a step fails, Create
// undoes the earlier ones. If the process dies, Recover resumes the creation. Returns a
// *tenants.SubdomainError, ErrInvalidName, ErrExists, a *ReservedError, ErrUnknownServer, a *PlacementError, a
// *tenants.SourceError or *portable.DamagedError for a file that is not right, a *tenants.RoomError, or the error of the engine or the master.
func (m *Manager) Create(ctx context.Context, n NewTenant) (*tenants.Tenant, error) {
	kind := tenants.KindCreate
	if n.Source != "" {
		kind = tenants.KindAdopt
	}
	return m.create(ctx, kind, n)
}

func (m *Manager) create(ctx context.Context, kind tenants.OperationKind, n NewTenant) (*tenants.Tenant, error) {
	t, err := m.prepare(ctx, n)
	if err == nil {
		err = m.checkRoomOf(ctx, n, t.Server)
	}
	if err == nil && n.File != "" {
		err = m.checkFile(ctx, n.File, t)
	}
	if err == nil {
		err = m.ask(ctx, n.By, kind, t, params{Email: n.Admin, File: n.File})
	}
	if err != nil {
		return nil, err
	}
	j, err := m.begin(ctx, n.By, kind, func(tx *gorm.DB, j *job) error {
		j.tenant, j.source, j.addAdmin = *t, n.Source, n.AddAdmin
		j.params.Version, j.params.Email, j.params.File, j.progress = t.SchemaVersion, n.Admin, n.File, n.Progress
		if n.Origin != "" {
			j.params.Of = n.Origin
		}
		if n.of != nil {
			j.params.Of, j.tenant.Limits, j.tenant.Settings = n.of.ID, n.of.Limits, n.of.Settings
		}
		j.plan = m.withHooks(kind, j.params, planWith(kind, j.params))
		if err := claim(tx, t.Server); err != nil {
			return err
		}
		if err := m.free(tx, t.Subdomain, t.ID, j.now); err != nil {
			return err
		}
		if err := taken(tx.Create(&j.tenant).Error); err != nil || n.Source == "" && n.File == "" {
			return err
		}
		return tenants.SetDue(tx, j.now, t.ID) // jobs may come with the data; they wait until the tenant is active
	})
	if err == nil {
		err = m.run(ctx, j, false)
	}
	if err != nil {
		return nil, fmt.Errorf("create tenant %q: %w", t.Subdomain, err)
	}
	return &j.tenant, nil
}

// taken translates the error of a duplicate subdomain to ErrExists.
func taken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return ErrExists
	}
	return err
}

// free returns a *ReservedError if another tenant gave up the subdomain recently. A tenant may
// take back its own former subdomain.
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

// prepare validates n and returns the row that reserves the subdomain.
func (m *Manager) prepare(ctx context.Context, n NewTenant) (*tenants.Tenant, error) {
	if err := m.checkSubdomain(n.Subdomain); err != nil {
		return nil, err
	}
	name := cmp.Or(strings.TrimSpace(n.Name), n.Subdomain)
	if err := CheckName(name); err != nil {
		return nil, err
	}
	server, engine, err := m.place(ctx, n)
	if err != nil {
		return nil, err
	}
	t := &tenants.Tenant{
		ID: newID(), Subdomain: n.Subdomain, Name: name,
		State: tenants.StateProvisioning, Server: server, CreatedBy: n.CreatedBy, Epoch: 1, Settings: n.Settings,
	}
	if t.CreatedBy == "" {
		t.CreatedBy = "operator"
	}
	t.Database, t.SchemaVersion = engine.DatabaseName(t.ID), engine.SchemaVersion()
	t.Credentials, err = engine.NewCredentials(t.ID)
	if err != nil {
		return nil, fmt.Errorf("make credentials of tenant %q: %w", t.Subdomain, err)
	}
	return t, nil
}

// FinishCreate resumes a creation that no process works on, or waits while another process works on
// it. addAdmin gives the first admin, if there is one, access; it defaults to Options.AddAdmin.
// FinishCreate restarts a creation that isn't in the ledger because it predates the ledger. If
// the tenant is already created, FinishCreate returns it unchanged. Returns
// tenants.ErrUnknownTenant if there is no such tenant or its creation was undone, or the reason
// why the creation can't be finished.
func (m *Manager) FinishCreate(ctx context.Context, subdomain string,
	addAdmin func(ctx context.Context, t *tenants.Tenant, email string) error) (*tenants.Tenant, error) {
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		t, err := m.Get(ctx, subdomain)
		if err != nil || t.State != tenants.StateProvisioning {
			return t, err
		}
		if err := m.resumeCreate(ctx, t, addAdmin); err != nil {
			return nil, fmt.Errorf("create tenant %q: %w", subdomain, err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// resumeCreate finishes a creation, unless another process works on it.
func (m *Manager) resumeCreate(ctx context.Context, t *tenants.Tenant, addAdmin func(ctx context.Context, t *tenants.Tenant, email string) error) error {
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
	if addAdmin != nil {
		j.addAdmin = func(ctx context.Context, t *tenants.Tenant) error { return addAdmin(ctx, t, j.params.Email) }
	}
	return m.run(ctx, j, true)
}

// createAgain restarts the creation of a tenant whose row exists and that no operation will
// finish.
func (m *Manager) createAgain(ctx context.Context, by Operator, id string) error {
	_, err := m.do(ctx, by, tenants.KindCreate, id, func(_ *gorm.DB, j *job) error {
		if j.tenant.State != tenants.StateProvisioning {
			return errUnchanged
		}
		j.params.Version = j.tenant.SchemaVersion
		return nil
	})
	if errors.Is(err, ErrUnderWay) {
		return nil // another process was faster
	}
	return err
}
