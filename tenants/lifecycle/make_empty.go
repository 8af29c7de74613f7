package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// ErrNotMissing means that the tenant's database is not missing.
var ErrNotMissing = errors.New("the database is not missing")

// ExpectMissing returns ErrNotMissing if the tenant's database is on its server, in use or in
// the trash.
func (m *Manager) ExpectMissing(ctx context.Context, t *tenants.Tenant) error {
	engine, err := m.store.Server(t.Server)
	if err != nil {
		return err
	}
	faults, err := engine.Examine(ctx, t)
	if err == nil && !slices.ContainsFunc(faults, func(f tenants.Fault) bool { return f.Kind == tenants.FaultMissing }) {
		err = ErrNotMissing
	}
	if err != nil {
		return fmt.Errorf("tenant %q: %w", t.Subdomain, err)
	}
	return nil
}

// MakeEmpty gives a tenant whose database is lost an empty one. Only a backup can bring back
// the lost data. Returns ErrNotMissing, a *StateError for a tenant that keeps no database, or
// the errors of Suspend; then the tenant is unchanged.
func (m *Manager) MakeEmpty(ctx context.Context, by Operator, subdomain string) (*tenants.Tenant, error) {
	t, err := m.Get(ctx, subdomain)
	if err == nil {
		err = m.ExpectMissing(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	return m.do(ctx, by, tenants.KindMakeEmpty, subdomain, func(tx *gorm.DB, j *job) error {
		if !j.tenant.State.IsSettled() {
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
		}
		return markPaused(tx, j)
	})
}

// makeEmptyDatabase creates the database unless it exists by now, and applies all migrations.
func makeEmptyDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	if err := engine.Create(ctx, &j.tenant); err != nil {
		return err
	}
	j.tenant.SchemaVersion, err = engine.Migrate(ctx, &j.tenant)
	return err
}
