package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// checkedSize is the size up to which Examine checks every page of a file, which takes milliseconds.
// Damage in larger files is found only when somebody reads the page.
const checkedSize = 4 << 20

// Examine checks the tenant's files, and the content of the database unless it is misplaced.
func (e *Engine) Examine(ctx context.Context, t *tenants.Tenant) ([]tenants.Fault, error) {
	if t.IsRemoved() {
		return nil, nil
	}
	if _, err := fileName(t); err != nil {
		return []tenants.Fault{tenants.FaultMissing.Found("%q is not the name of a database file", t.Database)}, nil
	}
	s, err := e.locate(t)
	if err != nil {
		return nil, fmt.Errorf("examine %s: %w", s.name, unavailable(err))
	}
	if faults := s.misplaced(); faults != nil {
		return faults, nil
	}
	modes, err := e.looseModes(s.name)
	if err != nil {
		return nil, fmt.Errorf("examine %s: %w", s.name, unavailable(err))
	}
	inside, err := e.examineInside(ctx, t, s.name)
	switch cause := checkWritable(e.files.path(s.name)); {
	case err == nil:
	case len(modes) > 0: // they lock this program out, and no other fault can be seen
		return loose(modes), nil
	case errors.Is(cause, fs.ErrPermission):
		return []tenants.Fault{tenants.FaultPermissions.Found("this program can't write to %s: run it as the file's owner, or chown the file", s.name)}, nil
	default:
		return nil, fmt.Errorf("examine %s: %w", s.name, err)
	}
	return append(loose(modes), inside...), nil
}

// examineInside returns the first fault of a file's content. It changes no files beside it: it keeps
// existing sidecars, which only a writer could checkpoint, and removes those that it makes itself.
func (e *Engine) examineInside(ctx context.Context, t *tenants.Tenant, name string) (faults []tenants.Fault, err error) {
	info, err := e.files.lstat(name)
	if err != nil {
		return nil, unavailable(err)
	}
	if !info.Mode().IsRegular() {
		return []tenants.Fault{tenants.FaultUnreadable.Found("%s", notRegular(name, info))}, nil
	}
	mode := "mode=rw&_query_only=1"
	if used, err := e.files.exists(name + "-wal"); err != nil {
		return nil, unavailable(err)
	} else if used {
		mode = "mode=ro"
	}
	db := sql.OpenDB(connector{dsn: dsn(e.files.path(name), mode), guarded: true})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	faults, err = e.examineRows(ctx, db, t, info.Size() <= checkedSize)
	if err != nil {
		return unreadable(ctx, explainOpen(e.files.path(name), err))
	}
	return faults, nil
}

func (e *Engine) examineRows(ctx context.Context, db *sql.DB, t *tenants.Tenant, small bool) ([]tenants.Fault, error) {
	if small {
		var finding string
		if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&finding); err != nil {
			return nil, err
		}
		if finding != "ok" {
			return []tenants.Fault{tenants.FaultUnreadable.Found("the file is damaged: %s", finding)}, nil
		}
	}
	if faults, err := examineIdentity(ctx, db, t.ID); faults != nil || err != nil {
		return faults, err
	}
	version, err := migrate.Version(ctx, db, Dialect, e.schema.Migrations[Dialect])
	switch {
	case err != nil:
		return nil, err
	case version == 0:
		return []tenants.Fault{tenants.FaultUnreadable.Found("the file has no table goose_db_version: no migration has run in it")}, nil
	case version != t.SchemaVersion:
		fault := tenants.FaultVersion.Found("the database has version %d, and the master says %d", version, t.SchemaVersion)
		fault.Version = version
		return []tenants.Fault{fault}, nil
	case version == e.version:
		return e.examineSchema(ctx, db)
	}
	return nil, nil
}

// examineIdentity checks which tenant the file belongs to.
func examineIdentity(ctx context.Context, db *sql.DB, id string) ([]tenants.Fault, error) {
	var application int64
	var stamped bool
	err := db.QueryRowContext(ctx, `SELECT application_id, EXISTS (SELECT * FROM sqlite_master WHERE name = ?)
		FROM pragma_application_id`, identityTable).Scan(&application, &stamped)
	if err != nil {
		return nil, err
	}
	owner := ""
	if stamped {
		err = db.QueryRowContext(ctx, "SELECT tenant_id FROM "+identityTable).Scan(&owner)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	switch {
	case application != applicationID:
		return []tenants.Fault{tenants.FaultIdentity.Found("the file is not marked as a tenant's")}, nil
	case owner == "":
		return []tenants.Fault{tenants.FaultIdentity.Found("the file doesn't say which tenant it belongs to")}, nil
	case owner != id:
		return []tenants.Fault{tenants.FaultIdentity.Found("the file belongs to tenant %s", owner)}, nil
	}
	return nil, nil
}

// unreadable returns a fault for a file that can't be read, or an error if that may pass.
func unreadable(ctx context.Context, err error) ([]tenants.Fault, error) {
	switch code := resultCode(err); {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, tenants.ErrUnavailable):
		return nil, err
	case code == 0, code&0xff == codeBusy, code&0xff == codeLocked:
		return nil, unavailable(err)
	case code&0xff == codeNotADB:
		return []tenants.Fault{tenants.FaultUnreadable.Found("the file is not a SQLite database")}, nil
	case code&0xff == codeCorrupt:
		return []tenants.Fault{tenants.FaultUnreadable.Found("the file is damaged")}, nil
	case code&0xff == codeCantOpen, code&0xff == codePerm:
		return []tenants.Fault{tenants.FaultUnreadable.Found("this program can't open the file")}, nil
	default:
		return []tenants.Fault{tenants.FaultUnreadable.Found("the file can't be read (SQLite error %d)", code)}, nil
	}
}
