package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// planOf returns the plan of a kind of operation. Kinds that are not listed have no steps:
// their mark does all the work. Names of steps are stored, so a step whose meaning changes must
// get a new name.
func planOf(kind tenants.OperationKind) plan {
	drain := step{name: tenants.StepDrain, do: awaitDrained}
	served := step{name: "migrate", do: migrateDatabase, record: activate}
	undoCreate := []step{{name: "drop", do: dropCreated, record: deleteTenant}}
	switch kind {
	case tenants.KindCreate:
		return plan{steps: []step{{name: "database", do: createDatabase, record: activate}}, undo: undoCreate, undone: freeSubdomain, cancelled: forgetTenant}
	case tenants.KindAdopt:
		return plan{steps: []step{{name: "copy", do: adoptDatabase, record: setVersion}, served}, undo: undoCreate, undone: freeSubdomain, cancelled: forgetTenant}
	case tenants.KindClone:
		return plan{steps: []step{{name: "load", do: loadDatabase, record: setVersion}, served}, undo: undoCreate, undone: freeSubdomain, cancelled: forgetTenant}
	case tenants.KindSuspend, tenants.KindArchive, tenants.KindMaintenance:
		return plan{steps: []step{drain}}
	case tenants.KindResume, tenants.KindUnarchive:
		return plan{steps: []step{served}, undo: []step{}, undone: restoreState, cancelled: restoreState}
	case tenants.KindMigrate:
		return plan{
			steps: []step{drain, {name: "migrate", do: migrateDatabase, record: restoreState, stays: true}},
			undo:  []step{}, undone: restoreState, cancelled: restoreState, impatient: true,
		}
	case tenants.KindMigrateDown:
		return plan{
			steps: []step{drain, {name: "down", do: undoMigrations, record: restoreState, stays: true}},
			undo:  []step{}, undone: restoreState, cancelled: restoreState, impatient: true,
		}
	case tenants.KindRevert:
		return plan{
			steps: []step{drain, {name: "put-back", do: putBack, record: recordPutBack, stays: true}},
			undo:  []step{}, undone: restoreState, cancelled: restoreState, impatient: true,
		}
	case tenants.KindRepair:
		return plan{
			steps: []step{drain, {name: "mend", do: mendDatabase, record: restoreState}},
			undo:  []step{}, undone: restoreState, cancelled: restoreState, impatient: true,
		}
	case tenants.KindAdmin, tenants.KindInvite:
		return plan{steps: []step{{name: "admin", do: addAdmin}}, undo: []step{}, undone: nothing, impatient: true}
	case tenants.KindShell:
		return plan{steps: []step{{name: "client", do: runClient, stays: true}}, undo: []step{}, undone: nothing, impatient: true}
	case tenants.KindRename:
		drain.record = endRename
		return plan{steps: []step{drain}, cancelled: endRename}
	case tenants.KindSwap:
		return plan{steps: []step{{name: tenants.StepDrain, do: drainBoth, record: exchange}}, cancelled: keepApart}
	case tenants.KindSwapOther:
		return plan{steps: []step{drain}}
	case tenants.KindPurge:
		return plan{steps: []step{drain, {name: "trash", do: trashDatabase, record: setRemoval}}, cancelled: archiveAgain}
	case tenants.KindErase:
		return plan{steps: []step{
			drain, {name: "trash", do: trashDatabase, record: setRemoval}, {name: "drop", do: dropDatabase, record: forgetData},
			{name: "key", do: destroyKey}, {name: "certify", do: certify, record: storeCertificate},
		}, cancelled: setRemoval}
	case tenants.KindRemove:
		return plan{steps: []step{{name: "drop", do: dropDatabase, record: forgetData}}, cancelled: forgetData}
	case tenants.KindMove:
		return plan{
			steps: []step{
				{name: "clear", do: clearLeft, record: forgetLeft}, {name: "copy", do: copyServed, record: freeze}, drain,
				{name: "load", do: moveDatabase, record: switchServer},
				{name: tenants.StepLeave, do: awaitDrained, record: endMove, final: true},
				{name: "trash", do: trashLeft, final: true},
			},
			undo: []step{{name: "drop", do: dropTarget}}, undone: endMove, cancelled: endMove, impatient: true,
		}
	case tenants.KindMakeEmpty:
		return plan{
			steps: []step{drain, {name: "database", do: makeEmptyDatabase, record: restoreState}},
			undo:  []step{}, undone: restoreState, cancelled: restoreState, impatient: true,
		}
	case tenants.KindRestore:
		return plan{
			steps: []step{{name: "untrash", do: untrashDatabase}, served},
			undo:  []step{{name: "trash", do: trashDatabase}}, undone: purgeAgain, cancelled: keepPurged,
		}
	}
	return plan{}
}

// planWith returns the plan of an operation with these params. A tenant that is created with an
// admin is served only after the admin has access. Those steps have names of their own, so that
// a build that knows no admins leaves them alone.
func planWith(kind tenants.OperationKind, p params) plan {
	plan := planOf(kind)
	if kind == tenants.KindCreate && p.File != "" {
		plan.steps = planOf(tenants.KindClone).steps
	}
	if kind == tenants.KindRemove && p.Left {
		return leftPlan()
	}
	if kind == tenants.KindMigrate && p.KeepCopy {
		plan.steps = slices.Insert(plan.steps, 1, step{name: "copy", do: keepCopy, record: recordCopy})
	}
	if p.Email == "" {
		return plan
	}
	admin := step{name: StepAdmin, do: addFirstAdmin, record: activate}
	switch {
	case p.File != "":
		plan.steps = []step{plan.steps[0], {name: "schema", do: migrateDatabase, record: setVersion}, admin}
	case kind == tenants.KindCreate:
		plan.steps = []step{{name: StepPrepare, do: createDatabase, record: setVersion}, admin}
	case kind == tenants.KindAdopt:
		plan.steps = []step{{name: "copy", do: adoptDatabase, record: setVersion}, {name: "schema", do: migrateDatabase, record: setVersion}, admin}
	}
	return plan
}

// leftPlan returns the plan that removes what a move has left behind.
func leftPlan() plan { return plan{steps: []step{{name: "clear", do: clearLeft, record: forgetLeft}}} }

// The steps of a creation with an admin.
const (
	StepPrepare = "prepare" // the database is created
	StepAdmin   = "admin"
)

// ErrNotDrained means that a process did not drain the tenant in time. The operation is resumed later.
var ErrNotDrained = errors.New("tenant is still in use")

const (
	// drainMargin is what instances get beyond the grace of their scopes.
	drainMargin = 30 * time.Second
	// drainTick is how often they are looked at. Most answer within one.
	drainTick = 10 * time.Millisecond
)

// awaitDrained closes this process's handles of the tenant, whatever state the master records,
// and waits until every other living instance has closed its own.
func awaitDrained(m *Manager, ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, m.store.Grace()+drainMargin)
	defer cancel()
	m.store.Refresh(j.tenant.ID)
	if err := m.store.Drain(ctx, j.tenant.ID, j.tenant.Epoch); err != nil {
		return drainError(ctx, err, []tenants.Instance{{Name: "this one"}})
	}
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		waiting, err := m.unacknowledged(ctx, j)
		if err == nil && len(waiting) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return drainError(ctx, err, waiting)
		case <-tick.C:
		}
	}
}

// unacknowledged returns the other processes that have not yet drained the job's tenant.
func (m *Manager) unacknowledged(ctx context.Context, j *job) ([]tenants.Instance, error) {
	if j.ledger != nil {
		return j.ledger.unacknowledged(j)
	}
	var waiting map[string][]tenants.Instance
	err := m.master.View(ctx, func(tx *gorm.DB) (err error) {
		waiting, err = m.store.Unacknowledged(tx, []string{j.op.ID})
		return err
	})
	return waiting[j.op.ID], err
}

// drainError names the processes that did not close their handles in time.
func drainError(ctx context.Context, err error, waiting []tenants.Instance) error {
	if len(waiting) > 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w by %d processes, the first of them %s; it is resumed when they have released the tenant or ended", ErrNotDrained, len(waiting), waiting[0].Name)
	}
	return errors.Join(context.Cause(ctx), err)
}

// engine returns the engine of the tenant's server.
func (m *Manager) engine(j *job) (tenants.Engine, error) { return m.store.Server(j.tenant.Server) }

// createDatabase creates the database as a copy of the template. If the database exists
// already, created by an older build that died, createDatabase migrates it.
func createDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.builder(j)
	if err != nil {
		return err
	}
	if err := engine.Create(ctx, &j.tenant); err != nil || j.tenant.SchemaVersion == engine.SchemaVersion() {
		return err
	}
	return migrateDatabase(m, ctx, j)
}

// errNoSource means that the process that knew the source has died.
var errNoSource = errors.New("the adoption was interrupted: start it again")

func adoptDatabase(m *Manager, ctx context.Context, j *job) error {
	if j.source == "" {
		return errNoSource
	}
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	j.tenant.SchemaVersion, err = engine.Adopt(ctx, &j.tenant, j.source)
	return err
}

func dropDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	if err := engine.Drop(ctx, &j.tenant); err != nil {
		return err
	}
	if m.erase != nil {
		if err := m.erase(ctx, j.tenant.ID); err != nil {
			return err
		}
	}
	return clearLeft(m, ctx, j)
}

// dropCreated drops the database of a creation that is being undone. This process may have it
// open in order to give the admin access.
func dropCreated(m *Manager, ctx context.Context, j *job) error {
	if err := m.store.Drain(ctx, j.tenant.ID, j.tenant.Epoch); err != nil {
		return err
	}
	return dropDatabase(m, ctx, j)
}

// trashDatabase moves the database to the trash. A lost database is no error, so that its
// tenant can still be purged.
func trashDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	err = engine.Trash(ctx, &j.tenant)
	if errors.Is(err, tenants.ErrNoDatabase) {
		m.log.WarnContext(ctx, "nothing to put in the trash", "tenant", j.op.Subdomain, "tenant_id", j.tenant.ID, "error", err)
		return nil
	}
	return err
}

func untrashDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	return engine.Untrash(ctx, &j.tenant)
}

// activate makes the tenant served.
func activate(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"state": tenants.StateActive, "schema_version": j.tenant.SchemaVersion, "remove_after": nil})
}

// setRemoval records when the data in the trash is to be removed.
func setRemoval(tx *gorm.DB, j *job) error {
	return setTenant(tx, j, map[string]any{"remove_after": j.params.RemoveAfter})
}

// forgetData records that the data is gone.
func forgetData(tx *gorm.DB, j *job) error {
	if err := forgetCopies(tx, j.tenant.ID, j.tenant.Server); err != nil {
		return err
	}
	if err := tenants.ForgetDue(tx, j.tenant.ID); err != nil {
		return err
	}
	return setTenant(tx, j, map[string]any{"remove_after": nil, "credentials": nil, "left_server": nil, "left_database": nil, "left_until": nil})
}

// freeSubdomain frees the subdomain of a creation that is being undone. The row stays until the
// database is dropped.
func freeSubdomain(tx *gorm.DB, j *job) error {
	return mark(tx, j, map[string]any{"state": tenants.StatePurged, "subdomain": tenants.UndoneSubdomain(j.tenant.ID)})
}

func deleteTenant(tx *gorm.DB, j *job) error {
	if err := forgetCopies(tx, j.tenant.ID, j.tenant.Server); err != nil {
		return err
	}
	return tx.Delete(&tenants.Tenant{ID: j.tenant.ID}).Error
}

// setTenant changes columns of the job's tenant, and reads the row again.
func setTenant(tx *gorm.DB, j *job, columns map[string]any) error {
	result := tx.Model(&tenants.Tenant{ID: j.tenant.ID}).Updates(columns)
	if result.Error != nil {
		return result.Error
	}
	j.tenant = tenants.Tenant{ID: j.tenant.ID}
	return tx.Take(&j.tenant).Error
}
