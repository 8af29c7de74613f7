package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// DefaultGrace is how long a purged tenant's data is kept by default.
const DefaultGrace = 7 * 24 * time.Hour

// Purge gives up an archived tenant. It removes the tenant's domains at once, moves its
// database to the trash, and removes the database after the grace period, at once if that is 0.
// Until then Restore brings the tenant back, without the domains: see LostDomains. The
// subdomain is reserved for 30 days. Purge fails as Suspend does.
func (m *Manager) Purge(ctx context.Context, by Operator, subdomain string, grace time.Duration) (*tenants.Tenant, error) {
	t, err := m.do(ctx, by, tenants.KindPurge, subdomain, func(tx *gorm.DB, j *job) error {
		switch j.tenant.State {
		case tenants.StateArchived:
		case tenants.StatePurged:
			return errUnchanged
		default:
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StatePurged}
		}
		return markPurge(tx, j, grace)
	})
	if err != nil || grace > 0 || t.RemoveAfter == nil {
		return t, err
	}
	if err := m.remove(ctx, by, t.ID); err != nil {
		return nil, fmt.Errorf("remove the data of tenant %q: %w", subdomain, err)
	}
	return m.Get(ctx, t.ID)
}

func markPurge(tx *gorm.DB, j *job, grace time.Duration) error {
	after := j.now.Add(grace)
	j.op.Subdomain = j.tenant.Subdomain
	j.params = params{From: j.tenant.State, RemoveAfter: &after}
	reserved := j.now.Add(reservation)
	if after.After(reserved) {
		reserved = after // or it could not be restored
	}
	err := retire(tx, tenants.RetiredSubdomain{Subdomain: j.tenant.Subdomain, TenantID: j.tenant.ID, ReservedUntil: reserved})
	if err != nil {
		return err
	}
	if err := tx.Model(&tenants.Domain{}).Where("tenant_id = ?", j.tenant.ID).Order("host").Pluck("host", &j.params.Hosts).Error; err != nil {
		return err
	}
	if err := tx.Delete(&tenants.Domain{}, "tenant_id = ?", j.tenant.ID).Error; err != nil {
		return err
	}
	return mark(tx, j, map[string]any{"state": tenants.StatePurged, "subdomain": tenants.PurgedSubdomain(j.tenant.ID)})
}

// remove removes a purged tenant's data when it is due.
func (m *Manager) remove(ctx context.Context, by Operator, id string) error {
	_, err := m.do(ctx, by, tenants.KindRemove, id, func(tx *gorm.DB, j *job) (err error) {
		if j.tenant.State != tenants.StatePurged || j.tenant.RemoveAfter == nil || j.tenant.RemoveAfter.After(j.now) {
			return errUnchanged
		}
		j.op.Subdomain, err = subdomainBefore(tx, id)
		return err
	})
	return err
}

// ErrRemoved means that the purged tenant's data is gone.
var ErrRemoved = errors.New("the data was removed after the grace period; restore a backup")

// Restore serves an archived tenant again, or a purged one whose data is in the trash, at its
// former subdomain and at the schema version of this build. Returns ErrRemoved,
// tenants.ErrNoDatabase if the data was lost, or the errors of Suspend. After
// tenants.ErrNoDatabase the tenant is purged as before.
func (m *Manager) Restore(ctx context.Context, by Operator, subdomain string) (*tenants.Tenant, error) {
	t, err := m.Get(ctx, subdomain)
	if err != nil {
		return nil, err
	}
	if t.State == tenants.StatePurged {
		return m.do(ctx, by, tenants.KindRestore, subdomain, m.markRestore)
	}
	return m.move(ctx, by, tenants.KindUnarchive, subdomain, tenants.StateActive, tenants.StateArchived)
}

// markRestore puts a purged tenant under maintenance, at its former subdomain.
func (m *Manager) markRestore(tx *gorm.DB, j *job) error {
	if j.tenant.State != tenants.StatePurged {
		return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateActive}
	}
	if j.tenant.RemoveAfter == nil {
		return ErrRemoved
	}
	was, err := subdomainBefore(tx, j.tenant.ID)
	if err != nil {
		return err
	}
	if err := m.free(tx, was, j.tenant.ID, j.now); err != nil {
		return err
	}
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	j.params, j.op.Subdomain = params{From: j.tenant.State, To: was, Version: engine.SchemaVersion()}, was
	return taken(mark(tx, j, map[string]any{"state": tenants.StateMaintenance, "subdomain": was}))
}

// purgeAgain returns a tenant that can't be restored to the purged state.
func purgeAgain(tx *gorm.DB, j *job) error {
	if err := retire(tx, tenants.RetiredSubdomain{Subdomain: j.params.To, TenantID: j.tenant.ID, ReservedUntil: j.now.Add(reservation)}); err != nil {
		return err
	}
	return setTenant(tx, j, map[string]any{
		"state": tenants.StatePurged, "subdomain": tenants.PurgedSubdomain(j.tenant.ID), "schema_version": j.tenant.SchemaVersion,
	})
}

// LostDomains returns the hosts that the tenant lost at its last purge. Restore doesn't bring
// them back, because they may lead elsewhere by then.
func (m *Manager) LostDomains(ctx context.Context, t *tenants.Tenant) ([]string, error) {
	var last []tenants.Operation
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("tenant_id = ? AND kind = ?", t.ID, tenants.KindPurge).Order("id DESC").Limit(1).Find(&last).Error
	})
	if err != nil || len(last) == 0 {
		return nil, err
	}
	var p params
	if err := json.Unmarshal([]byte(last[0].Params), &p); err != nil {
		return nil, fmt.Errorf("params of operation %s: %w", last[0].ID, err)
	}
	return p.Hosts, nil
}

// subdomainBefore returns the subdomain that the tenant had when it was purged.
func subdomainBefore(tx *gorm.DB, tenantID string) (string, error) {
	var last tenants.Operation
	kinds := []tenants.OperationKind{tenants.KindPurge, tenants.KindErase}
	err := tx.Where("tenant_id = ? AND kind IN ?", tenantID, kinds).Order("id DESC").Take(&last).Error
	return last.Subdomain, err
}
