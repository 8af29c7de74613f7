package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// Revert puts the copy of the tenant's database from before its migration in a run back. What was written since is lost; the
// caller must have asked. An active tenant is under maintenance meanwhile, as during Migrate.
//
// Afterwards the tenant is as after MigrateDown: no request migrates it again until an operator does. A tenant that is at the
// copy's version is left as it is. Revert undoes itself if the copy can't be put back. Returns tenants.ErrNoCopy if there is
// no copy, or if the tenant has moved to another server since, ErrAccepted, or the errors of Suspend.
func (m *Manager) Revert(ctx context.Context, by Operator, name, run string) (*tenants.Tenant, error) {
	return m.do(ctx, by, tenants.KindRevert, name, func(tx *gorm.DB, j *job) error {
		if !j.tenant.State.IsSettled() {
			return &StateError{j.tenant.Subdomain, j.tenant.State, tenants.StateMaintenance}
		}
		kept, err := copyOf(tx, run, &j.tenant)
		if err != nil {
			return err
		}
		if j.tenant.SchemaVersion == kept.SchemaVersion {
			return errUnchanged
		}
		j.params.FromVersion, j.params.Version, j.params.Run = j.tenant.SchemaVersion, kept.SchemaVersion, run
		return markPaused(tx, j)
	})
}

// ErrAccepted means that a migration run was accepted, so that its copies are gone.
var ErrAccepted = errors.New("the migration run was accepted, and its copies are removed")

// copyOf returns the run's copy of the tenant's database.
func copyOf(tx *gorm.DB, runID string, t *tenants.Tenant) (kept tenants.MigrationCopy, err error) {
	var run tenants.MigrationRun
	err = tx.Take(&run, "id = ?", runID).Error
	if err == nil && run.AcceptedAt != nil {
		return kept, ErrAccepted
	}
	if err == nil {
		err = tx.Take(&kept, "run_id = ? AND tenant_id = ?", runID, t.ID).Error
	}
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return kept, tenants.ErrNoCopy
	case err == nil && (kept.Server != t.Server || kept.Database != t.Database):
		return kept, fmt.Errorf("%w on server %q: it was on server %q", tenants.ErrNoCopy, t.Server, kept.Server)
	}
	return kept, err
}

// copier returns the engine of the tenant's server.
func (m *Manager) copier(j *job) (tenants.Copier, error) {
	engine, err := m.engine(j)
	if err != nil {
		return nil, err
	}
	copier, ok := engine.(tenants.Copier)
	if !ok {
		return nil, fmt.Errorf("server %q keeps no copies", j.tenant.Server)
	}
	return copier, nil
}

// keepCopy keeps a copy of the tenant's database for the run that is about to migrate it. If the run has a copy of an older
// version, because it has migrated the tenant halfway before, that one is kept.
func keepCopy(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.copier(j)
	if err != nil {
		return err
	}
	kept := tenants.MigrationCopy{}
	err = m.master.View(ctx, func(tx *gorm.DB) error {
		return tx.Limit(1).Find(&kept, "run_id = ? AND tenant_id = ?", j.op.RunID, j.tenant.ID).Error
	})
	if err != nil || kept.RunID != "" && kept.SchemaVersion < j.tenant.SchemaVersion {
		return err
	}
	slots := j.slots
	if slots == nil {
		slots = m.migrating
	}
	if err := slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer slots.Release(1)
	bytes, err := engine.KeepCopy(ctx, &j.tenant, *j.op.RunID)
	j.kept = &tenants.MigrationCopy{
		RunID: *j.op.RunID, TenantID: j.tenant.ID, Server: j.tenant.Server, Database: j.tenant.Database,
		SchemaVersion: j.tenant.SchemaVersion, Bytes: bytes,
	}
	return err
}

// recordCopy records the copy that keepCopy has kept.
func recordCopy(tx *gorm.DB, j *job) error {
	if j.kept == nil {
		return nil
	}
	j.kept.MadeAt = j.now
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(j.kept).Error
}

// putBack puts the copy back, and sets the job's tenant to its version.
func putBack(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.copier(j)
	if err != nil {
		return err
	}
	if err := engine.PutBack(ctx, &j.tenant, j.params.Run, j.params.Version); err != nil {
		return err
	}
	j.tenant.SchemaVersion = j.params.Version
	m.store.Changed(&j.tenant)
	return nil
}

// recordPutBack returns the tenant to its state before the operation, with the version of the copy, which is gone.
func recordPutBack(tx *gorm.DB, j *job) error {
	if err := tx.Delete(&tenants.MigrationCopy{}, "run_id = ? AND tenant_id = ?", j.params.Run, j.tenant.ID).Error; err != nil {
		return err
	}
	return restoreState(tx, j)
}

// forgetCopies records that the copies of a tenant's database on a server are gone.
func forgetCopies(tx *gorm.DB, tenantID, server string) error {
	return tx.Delete(&tenants.MigrationCopy{}, "tenant_id = ? AND server = ?", tenantID, server).Error
}
