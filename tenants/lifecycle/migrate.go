package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// Migrate migrates the tenant's database to the schema version of this build. An active tenant
// is under maintenance meanwhile, and every process first closes its handles, because a process
// of an older build couldn't serve the new version. Migrate does nothing if the tenant is at
// that version already. It resumes a migration whose process died.
//
// If a migration fails, the tenant returns to its former state, with the version that its
// database has; builds that know this version serve it. If it is unknown what the migration
// changed, the tenant stays under maintenance and the migration is tried again. Returns a
// *tenants.VersionError if the tenant is ahead of this build, or the errors of Suspend.
func (m *Manager) Migrate(ctx context.Context, by Operator, name string) (*tenants.Tenant, error) {
	return m.migrate(ctx, by, InRun{}, name)
}

// InRun is the migration run that a tenant's migration belongs to.
type InRun struct {
	// ID is the run's id.
	ID string
	// Slots bounds the databases of the run that are migrated at the same time.
	Slots *semaphore.Weighted
	// KeepCopies says that a copy of each database is kept before it is migrated.
	KeepCopies bool
	// Ledger writes the ledger for the tenants of the run together. It may be nil. It isn't used with KeepCopies.
	Ledger *RunLedger
}

// MigrateInRun is Migrate as a part of a run: the operation has the run's id. If no operation could be
// begun, because another one is under way for example, it records a failed one.
func (m *Manager) MigrateInRun(ctx context.Context, by Operator, in InRun, name string) (*tenants.Tenant, error) {
	t, err := m.migrate(ctx, by, in, name)
	if err != nil {
		err = errors.Join(err, m.recordFailure(ctx, by, in, name, err))
	}
	return t, err
}

// MigrateLazily is Migrate for the first request of a tenant that is behind, by System: see tenants.Store.MigrateLazily. It
// returns tenants.ErrMaintenance if another operation is under way, and a *tenants.OlderBuildError if a process is alive
// that couldn't serve the tenant any more. It returns tenants.ErrHeld if the tenant's last migration was undone by
// MigrateDown: then an operator has to migrate the tenant.
func (m *Manager) MigrateLazily(ctx context.Context, t *tenants.Tenant) error {
	if err := errors.Join(m.store.CheckOlderBuilds(ctx), m.checkHeld(ctx, t)); err != nil {
		return err
	}
	_, err := m.Migrate(ctx, System, t.ID)
	if errors.Is(err, ErrUnderWay) {
		return fmt.Errorf("%w: %w", tenants.ErrMaintenance, err)
	}
	return err
}

func (m *Manager) migrate(ctx context.Context, by Operator, in InRun, name string) (*tenants.Tenant, error) {
	if in.Ledger != nil && !in.KeepCopies {
		if j := in.Ledger.begin(by, in, name); j != nil {
			return m.finish(ctx, j)
		}
	}
	t, err := m.do(ctx, by, tenants.KindMigrate, name, func(tx *gorm.DB, j *job) error {
		j.join(in)
		j.params.KeepCopy = in.KeepCopies
		j.plan = planWith(tenants.KindMigrate, j.params)
		return m.markMigrate(tx, j)
	})
	var underWay *UnderWayError
	if !errors.As(err, &underWay) || underWay.Operation.Kind != tenants.KindMigrate {
		return t, err
	}
	j, failure := m.takeOver(ctx, underWay.Operation.ID)
	if failure != nil || j == nil {
		return nil, errors.Join(err, failure)
	}
	j.join(in)
	return &j.tenant, m.run(ctx, j, true)
}

// join makes the job a part of the run, if there is one.
func (j *job) join(in InRun) {
	if in.ID != "" {
		j.op.RunID, j.slots = &in.ID, in.Slots
	}
}

// recordFailure records a failed operation of the run, unless the tenant has an operation of the run. It does
// so even if ctx has ended.
func (m *Manager) recordFailure(ctx context.Context, by Operator, in InRun, name string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		t, err := find(tx, name)
		if err != nil {
			return err
		}
		var recorded int64
		err = tx.Model(&tenants.Operation{}).Where("tenant_id = ? AND run_id = ?", t.ID, in.ID).Count(&recorded).Error
		if err != nil || recorded > 0 {
			return err
		}
		j, err := m.newJob(tx, by, tenants.KindMigrate)
		if err != nil {
			return err
		}
		j.tenant, j.params.FromVersion, j.op.Error = *t, t.SchemaVersion, cause.Error()
		j.op.InstanceID, j.op.State, j.op.RunID = nil, tenants.OperationUndoing, &in.ID
		j.plan.steps = nil
		return j.write(tx)
	})
	if err != nil {
		return fmt.Errorf("record the failure: %w", err)
	}
	return nil
}

// markMigrate puts an active tenant under maintenance.
func (m *Manager) markMigrate(tx *gorm.DB, j *job) error {
	if err := m.aimMigrate(j); err != nil {
		return err
	}
	return markPaused(tx, j)
}

// aimMigrate sets the versions from and to which the tenant is migrated. Returns errUnchanged if they are the same.
func (m *Manager) aimMigrate(j *job) error {
	if !j.tenant.State.IsSettled() {
		return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
	}
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	j.params.FromVersion, j.params.Version = j.tenant.SchemaVersion, engine.SchemaVersion()
	switch {
	case j.tenant.SchemaVersion == j.params.Version:
		return errUnchanged
	case j.tenant.SchemaVersion > j.params.Version:
		return tenants.CheckServable(j.tenant.SchemaVersion, engine.Versions(), 0)
	}
	return nil
}

// markPaused puts an active tenant under maintenance until restoreState, and makes a drain close
// all of its handles.
func markPaused(tx *gorm.DB, j *job) error {
	j.params.From = j.tenant.State
	return mark(tx, j, map[string]any{"state": paused(j.tenant.State)})
}

// paused returns the state of a tenant during an operation that needs its database alone.
func paused(state tenants.State) tenants.State {
	if state == tenants.StateActive {
		return tenants.StateMaintenance
	}
	return state
}

// restoreState returns the tenant to its state before the operation, with the version that its
// database has.
func restoreState(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"state": j.params.From, "schema_version": j.tenant.SchemaVersion})
}

// setVersion records the version of the tenant's database.
func setVersion(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"schema_version": j.tenant.SchemaVersion})
}

// errNewerBuild means that this build would migrate the database to an older version than the
// build that began the operation.
var errNewerBuild = errors.New("a newer build has begun this, and one has to finish it")

// builder returns the engine of the tenant's server, or errNewerBuild if this build can't
// finish the operation.
func (m *Manager) builder(j *job) (tenants.Engine, error) {
	engine, err := m.engine(j)
	if err == nil && engine.SchemaVersion() < j.params.Version {
		err = errNewerBuild
	}
	return engine, err
}

// maxMigrations is the number of databases that a process migrates at the same time outside of runs.
const maxMigrations = 4

// migrateDatabase migrates the tenant's database to the version of this build. Even if it
// fails, it sets the job's tenant to the version that the database has.
func migrateDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.builder(j)
	if err != nil {
		return err
	}
	slots := cmp.Or(j.slots, m.migrating)
	if err := slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer slots.Release(1)
	defer j.ledger.pace(time.Now())
	version, err := engine.Migrate(ctx, &j.tenant)
	if version > 0 {
		j.tenant.SchemaVersion = version
	}
	if err != nil {
		return err
	}
	return m.store.CheckServable(ctx, engine, version)
}
