package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// MigrateDown undoes the migrations of the tenant's database after the version to. Each Down may lose data; the caller
// must have asked. An active tenant is under maintenance meanwhile, as during Migrate.
//
// Afterwards builds serve the tenant that serve the older version. No request migrates it again, whatever
// TENANTRY_LAZY_MIGRATE says: it stays at that version until an operator migrates, resumes or restores it.
//
// If a Down fails, the tenant returns to its former state, with the version that its database has. Returns a
// *migrate.NoDownError if a migration can't be undone, a *tenants.VersionError if the tenant is ahead of this build, or
// the errors of Suspend; then the tenant is unchanged. It does nothing if the tenant is at that version.
func (m *Manager) MigrateDown(ctx context.Context, by Operator, name string, to int64) (*tenants.Tenant, error) {
	return m.do(ctx, by, tenants.KindMigrateDown, name, func(tx *gorm.DB, j *job) error {
		if err := m.aimDown(j, to); err != nil {
			return err
		}
		return markPaused(tx, j)
	})
}

// Migrations returns the migrations of the tenants' databases for a dialect.
func (m *Manager) Migrations(dialect string) fs.FS { return m.schema.Migrations[dialect] }

// aimDown sets the versions from and to which the tenant is migrated. Returns errUnchanged if they are the same.
func (m *Manager) aimDown(j *job, to int64) error {
	if !j.tenant.State.IsSettled() {
		return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
	}
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	j.params.FromVersion, j.params.Version = j.tenant.SchemaVersion, to
	switch build := engine.Versions(); {
	case j.tenant.SchemaVersion == to:
		return errUnchanged
	case j.tenant.SchemaVersion > build.Newest:
		return &tenants.VersionError{Version: j.tenant.SchemaVersion, From: build.From, Build: build.Newest}
	}
	return migrate.CheckDown(m.Migrations(engine.Dialect()), j.tenant.SchemaVersion, to)
}

// undoMigrations undoes the migrations of the tenant's database. Even if it fails, it sets the job's tenant to the
// version that the database has.
func undoMigrations(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err == nil && engine.SchemaVersion() < j.params.FromVersion {
		err = errNewerBuild
	}
	if err != nil {
		return err
	}
	version, err := engine.MigrateDown(ctx, &j.tenant, j.params.Version)
	if version > 0 || err == nil {
		j.tenant.SchemaVersion = version
	}
	return err
}

// checkHeld returns tenants.ErrHeld if the last operation that migrated the tenant has taken migrations back.
func (m *Manager) checkHeld(ctx context.Context, t *tenants.Tenant) error {
	var last tenants.Operation
	err := m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Select("kind").Where("tenant_id = ? AND state = ? AND kind IN ?", t.ID, tenants.OperationDone, []tenants.OperationKind{
			tenants.KindMigrate, tenants.KindMigrateDown, tenants.KindRevert, tenants.KindResume, tenants.KindUnarchive, tenants.KindRestore, tenants.KindMakeEmpty,
		}).Order("id DESC").Take(&last).Error
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look for the last migration of %q: %w", t.Subdomain, err)
	case last.Kind == tenants.KindMigrateDown, last.Kind == tenants.KindRevert:
		return tenants.ErrHeld
	}
	return nil
}
