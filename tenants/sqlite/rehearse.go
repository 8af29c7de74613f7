package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/shape"
	"tenantry/tenants/trial"
)

var _ tenants.Rehearser = (*Engine)(nil)

// RehearseSchema tries the migrations in memory.
func (e *Engine) RehearseSchema(ctx context.Context, version int64) (*trial.Report, error) {
	memory := connector{dsn: dsn(":memory:", "_txlock=immediate&_foreign_keys=0")}
	report, err := trial.Run(ctx, memory, e.trialOf(version, true))
	if err != nil {
		return nil, fmt.Errorf("rehearse migrations: %w", err)
	}
	return report, nil
}

func (e *Engine) trialOf(version int64, down bool) trial.Options {
	return trial.Options{Dialect: Dialect, Migrations: e.schema.Migrations[Dialect], From: version, Down: down}
}

// RehearseData tries the migrations on a temporary file beside the tenant's.
func (e *Engine) RehearseData(ctx context.Context, t *tenants.Tenant) (report *trial.Report, err error) {
	if err := e.checkRoom(ctx, t); err != nil {
		return nil, fmt.Errorf("rehearse migrations of %s: %w", t.Database, err)
	}
	path, err := e.existingPath(t)
	if err != nil {
		return nil, err
	}
	name, err := fileName(t)
	if err != nil {
		return nil, err
	}
	temporary := temporaryName(name)
	defer func() { err = errors.Join(err, e.removeDatabase(temporary)) }()
	begin := time.Now()
	if err := e.copyTenant(ctx, t, name, temporary); err != nil {
		return nil, fmt.Errorf("copy %s: %w", t.Database, unavailable(explainOpen(path, err)))
	}
	copied := time.Since(begin)
	report, err = e.rehearseFile(ctx, e.files.path(temporary))
	if err != nil {
		return nil, fmt.Errorf("rehearse migrations of %s: %w", t.Database, err)
	}
	report.CopySeconds = copied.Seconds()
	return report, nil
}

// roomShare is how many times the size of a database its rehearsal may need: for the copy, for tables that are rebuilt,
// and for the -wal file.
const roomShare = 3

// checkRoom returns ErrFull if a rehearsal would leave the disk so full that tenants can't write.
func (e *Engine) checkRoom(ctx context.Context, t *tenants.Tenant) error {
	size, err := e.Size(ctx, t)
	if err != nil {
		return err
	}
	return e.CheckRoom(roomShare * size)
}

// copyTenant copies a tenant's database, as it is at one moment. Like Examine it leaves the files beside the database as
// they are.
func (e *Engine) copyTenant(ctx context.Context, t *tenants.Tenant, name, temporary string) error {
	mode := "mode=rw"
	if used, err := e.files.exists(name + "-wal"); err != nil {
		return err
	} else if used {
		mode = "mode=ro"
	}
	if err := e.writeNew(temporary, nil); err != nil {
		return err
	}
	return vacuumInto(ctx, connector{dsn: dsn(e.files.path(name), mode), verify: ownedBy(t)}, e.files.path(temporary))
}

// rehearseFile tries the migrations on a copy.
func (e *Engine) rehearseFile(ctx context.Context, path string) (report *trial.Report, err error) {
	c := connector{dsn: dsn(path, "mode=rw&_txlock=immediate&_synchronous=full&_foreign_keys=0&_journal_mode=WAL")}
	db := sql.OpenDB(c)
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := checkSchema(ctx, db, e.schema, identityTable); err != nil {
		return nil, err
	}
	version, err := migrate.Version(ctx, db, Dialect, e.schema.Migrations[Dialect])
	if err != nil {
		return nil, err
	}
	report, err = trial.Run(ctx, c, e.trialOf(version, false))
	if err != nil || report.Error != "" {
		return report, err
	}
	report.Error, err = e.findFault(ctx, db)
	return report, err
}

// findFault returns what is wrong with a migrated copy, or "".
func (e *Engine) findFault(ctx context.Context, db *sql.DB) (string, error) {
	err := checkRows(ctx, db)
	var wrong *tenants.SourceError
	if errors.As(err, &wrong) {
		return "after the migrations " + wrong.Reason, nil
	}
	if err != nil {
		return "", err
	}
	want, err := e.currentSchema(ctx)
	if err != nil {
		return "", err
	}
	got, err := shape.Read(ctx, db, Dialect, identityTable)
	if err != nil {
		return "", err
	}
	if drift := got.Drift(want.Shape); drift != "" {
		return "after the migrations " + drift, nil
	}
	return "", nil
}
