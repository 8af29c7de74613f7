package lifecycle

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Migrate brings the tenant's database to the schema version of this build. An
// active tenant is under maintenance meanwhile, and every process lets go of it
// first: a process of an older build couldn't serve the new version. A tenant at
// that version already is not changed; a migration whose process died is resumed.
//
// When a migration fails the tenant is in the state in which it was, at the
// version that its database has; so it is served by the builds that know that
// one. Where it is not known what the migration has changed, the tenant stays
// under maintenance and the migration is tried again. It returns a
// *tenants.VersionError for a tenant that is ahead of this build, and fails as
// Suspend does.
func (m *Manager) Migrate(ctx context.Context, by Operator, name string) (*tenants.Tenant, error) {
	t, err := m.do(ctx, by, tenants.KindMigrate, name, m.markMigrate)
	var underWay *UnderWayError
	if !errors.As(err, &underWay) || underWay.Operation.Kind != tenants.KindMigrate {
		return t, err
	}
	j, failure := m.takeOver(ctx, underWay.Operation.ID)
	if failure != nil || j == nil {
		return nil, errors.Join(err, failure)
	}
	return &j.tenant, m.run(ctx, j, true)
}

// markMigrate has an active tenant under maintenance.
func (m *Manager) markMigrate(tx *gorm.DB, j *job) error {
	switch j.tenant.State {
	case tenants.StateActive, tenants.StateSuspended, tenants.StateArchived:
	default:
		return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
	}
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	j.params.Version = engine.SchemaVersion()
	switch {
	case j.tenant.SchemaVersion == j.params.Version:
		return errUnchanged
	case j.tenant.SchemaVersion > j.params.Version:
		return tenants.CheckServable(j.tenant.SchemaVersion, j.params.Version)
	}
	return markPaused(tx, j)
}

// markPaused has an active tenant under maintenance until asBefore, and all
// handles of the tenant closed by a drain.
func markPaused(tx *gorm.DB, j *job) error {
	j.params.From = j.tenant.State
	state := j.tenant.State
	if state == tenants.StateActive {
		state = tenants.StateMaintenance
	}
	return mark(tx, j, map[string]any{"state": state})
}

// asBefore has the tenant in the state in which the operation found it, with the
// version that its database has.
func asBefore(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"state": j.params.From, "schema_version": j.tenant.SchemaVersion})
}

// setVersion notes the version that the tenant's database has.
func setVersion(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"schema_version": j.tenant.SchemaVersion})
}

// errNewerBuild: this build would bring the database to an older version than
// the build that began the operation.
var errNewerBuild = errors.New("a newer build has begun this, and one has to finish it")

// builder is the engine of the tenant's server, of a build that can finish the
// operation.
func (m *Manager) builder(j *job) (tenants.Engine, error) {
	engine, err := m.engine(j)
	if err == nil && engine.SchemaVersion() < j.params.Version {
		err = errNewerBuild
	}
	return engine, err
}

// migrateAbreast is how many databases a process migrates at once.
const migrateAbreast = 4

// migrateDatabase brings the tenant's database to the version of this build.
// Whatever comes of it, the job's tenant has the version that the database has.
func migrateDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.builder(j)
	if err != nil {
		return err
	}
	if err := m.migrating.Acquire(ctx, 1); err != nil {
		return err
	}
	defer m.migrating.Release(1)
	version, err := engine.Migrate(ctx, &j.tenant)
	if version > 0 {
		j.tenant.SchemaVersion = version
	}
	if err != nil {
		return err
	}
	return tenants.CheckServable(version, engine.SchemaVersion())
}
