package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
)

// ErrExists: the subdomain belongs to a tenant already, maybe to one that is
// being created.
var ErrExists = errors.New("subdomain is taken")

// ErrInvalidName: a tenant's name is too long or holds control characters.
var ErrInvalidName = errors.New("name must be valid text of at most 200 characters without control characters")

// NewTenant says what to create.
type NewTenant struct {
	Subdomain string
	// Name is for people; empty means the subdomain.
	Name string
	// Server is where the database is to live; empty means tenants.DefaultServer.
	Server string
	// CreatedBy says who asked; empty means "operator".
	CreatedBy string
}

// undoTimeout bounds what is done after the caller's context has ended.
const undoTimeout = 10 * time.Second

// Create makes a tenant: it reserves the subdomain, creates the database from
// the template and activates the tenant. When a step fails the earlier ones
// are undone; when the process dies, Recover finishes them. It returns a
// *tenants.SubdomainError, ErrInvalidName, ErrExists, or why the engine or the
// master refused.
func (m *Manager) Create(ctx context.Context, n NewTenant) (*models.Tenant, error) {
	t, engine, err := m.plan(n)
	if err != nil {
		return nil, err
	}
	err = m.master.Update(ctx, func(tx *gorm.DB) error { return tx.Create(t).Error })
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil, fmt.Errorf("create tenant %q: %w", t.Subdomain, ErrExists)
	}
	if err != nil {
		return nil, fmt.Errorf("create tenant %q: %w", t.Subdomain, err)
	}
	if err := m.finish(ctx, engine, t); err != nil {
		return nil, errors.Join(fmt.Errorf("create tenant %q: %w", t.Subdomain, err), m.undo(ctx, engine, t))
	}
	return t, nil
}

// plan checks what was asked for and makes the row that reserves it.
func (m *Manager) plan(n NewTenant) (*models.Tenant, tenants.Engine, error) {
	if err := tenants.ValidateSubdomain(n.Subdomain); err != nil {
		return nil, nil, err
	}
	name := strings.TrimSpace(n.Name)
	if name == "" {
		name = n.Subdomain
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 200 || strings.ContainsFunc(name, unicode.IsControl) {
		return nil, nil, ErrInvalidName
	}
	t := &models.Tenant{
		ID: strings.ToLower(ulid.Make().String()), Subdomain: n.Subdomain, Name: name,
		State: models.StateProvisioning, Server: n.Server, CreatedBy: n.CreatedBy, Epoch: 1,
	}
	if t.Server == "" {
		t.Server = tenants.DefaultServer
	}
	if t.CreatedBy == "" {
		t.CreatedBy = "operator"
	}
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return nil, nil, err
	}
	t.Database, t.SchemaVersion = engine.DatabaseName(t.ID), engine.SchemaVersion()
	t.Credentials, err = engine.NewCredentials(t.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("make credentials of tenant %q: %w", t.Subdomain, err)
	}
	return t, engine, nil
}

// finish creates the database and activates the tenant. It may be run again,
// and by two at once: each step finds what the other did. It returns
// gorm.ErrRecordNotFound when the creation was undone meanwhile.
func (m *Manager) finish(ctx context.Context, engine tenants.Engine, t *models.Tenant) error {
	if err := engine.Create(ctx, t); err != nil {
		return err
	}
	return m.master.Update(ctx, func(tx *gorm.DB) error {
		done := tx.Model(t).Where("state = ?", models.StateProvisioning).Update("state", models.StateActive)
		if done.Error != nil || done.RowsAffected == 1 {
			return done.Error
		}
		return tx.Take(t, "id = ? AND state NOT IN ?", t.ID, []models.State{models.StateProvisioning, models.StatePurged}).Error
	})
}

// undo takes a creation back, also when ctx has ended. First the subdomain
// becomes free; the row stays until the database is dropped, so that Recover
// finds it. A tenant that somebody else has activated meanwhile stays.
func (m *Manager) undo(ctx context.Context, engine tenants.Engine, t *models.Tenant) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	var marked int64
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		result := tx.Model(&models.Tenant{}).Where("id = ? AND state = ?", t.ID, models.StateProvisioning).
			Updates(models.Tenant{State: models.StatePurged, Subdomain: undone + t.ID})
		marked = result.RowsAffected
		return result.Error
	})
	if err != nil || marked == 0 {
		return err
	}
	return m.remove(ctx, engine, t)
}

// undone and the id are the subdomain of a tenant whose creation is being
// undone. It is never served.
const undone = "undone-"

// remove drops the database of an undone creation, then deletes its row.
func (m *Manager) remove(ctx context.Context, engine tenants.Engine, t *models.Tenant) error {
	if err := engine.Drop(ctx, t); err != nil {
		return err
	}
	return m.master.Update(ctx, func(tx *gorm.DB) error {
		return tx.Where("subdomain = ?", undone+t.ID).Delete(&models.Tenant{ID: t.ID}).Error
	})
}

// Recover finishes the creations that a process left behind when it died, and
// the undoing of those that had failed. What can't be finished now is logged
// and left for the next time. Creations under way elsewhere are not harmed.
func (m *Manager) Recover(ctx context.Context) error {
	var half []models.Tenant
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("state = ?", models.StateProvisioning).
			Or("state = ? AND subdomain = ? || id", models.StatePurged, undone).Find(&half).Error
	})
	if err != nil {
		return fmt.Errorf("find half-made tenants: %w", err)
	}
	for i := range half {
		t := &half[i]
		if err := m.recoverTenant(ctx, t); err != nil {
			m.log.ErrorContext(ctx, "recover tenant", "tenant", t.Subdomain, "error", err)
			continue
		}
		m.log.InfoContext(ctx, "recovered half-made tenant", "tenant", t.Subdomain)
	}
	return nil
}

func (m *Manager) recoverTenant(ctx context.Context, t *models.Tenant) error {
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return err
	}
	if t.State == models.StatePurged {
		return m.remove(ctx, engine, t)
	}
	err = m.finish(ctx, engine, t)
	if errors.Is(err, gorm.ErrRecordNotFound) { // its creator has undone it
		return m.remove(ctx, engine, t)
	}
	return err
}
