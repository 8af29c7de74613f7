package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// Rows reads the tenant's file over a connection of its own. While it is open, the file's -wal can't shrink.
func (e *Engine) Rows(ctx context.Context, t *tenants.Tenant) (tenants.Snapshot, error) {
	path, err := e.existingPath(t)
	if err != nil {
		return nil, err
	}
	// It is not guarded, because it attaches the file a second time. It runs no SQL of the application.
	db := sql.OpenDB(connector{dsn: dsn(path, readerParams), verify: func(ctx context.Context, conn rawConn) error {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA trusted_schema=OFF", nil); err != nil {
			return err
		}
		return verifyIdentity(ctx, conn, t.ID)
	}})
	db.SetMaxOpenConns(1)
	r, err := e.readRows(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", t.Database, unavailable(explainOpen(path, err)))
	}
	return &snapshot{r, path, t.ID}, nil
}

// Load fills a temporary file, stamps it, and gives it the tenant's name in the way Create does.
func (e *Engine) Load(ctx context.Context, t *tenants.Tenant, version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
	return e.makeFile(ctx, t, "load", func(temporary string) error {
		path := e.files.path(temporary)
		w, err := newWriter(ctx, path, e.schema, version)
		if err != nil {
			return err
		}
		err = fill(ctx, w)
		if err == nil {
			err = w.finish(ctx)
		}
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		return e.stampFile(ctx, path, t.ID)
	})
}

// makeFile makes the tenant's file unless it exists: write fills a temporary one. what is the verb for errors.
func (e *Engine) makeFile(ctx context.Context, t *tenants.Tenant, what string, write func(temporary string) error) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := e.checkNotTrashed(t); err != nil {
		return fmt.Errorf("%s %s: %w", what, name, err)
	}
	exists, err := e.files.exists(name)
	if err == nil && !exists {
		err = e.checkNoSidecars(name)
	}
	if err == nil && !exists {
		err = e.writeFile(name, write)
	}
	if err == nil {
		err = e.files.sync(tenantsDir)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, name, fileError(err))
	}
	return nil
}

// writeFile has write fill a temporary file, and gives it its name when it is durable.
func (e *Engine) writeFile(name string, write func(temporary string) error) (err error) {
	temporary := temporaryName(name)
	defer func() { err = errors.Join(err, e.removeDatabase(temporary)) }()
	if err := e.writeNew(temporary, nil); err != nil {
		return err
	}
	if err := write(temporary); err != nil {
		return err
	}
	if exists, err := e.files.exists(temporary + "-wal"); err != nil || exists {
		return errors.Join(err, fmt.Errorf("%s has a -wal file after it was closed", temporary))
	}
	if err := e.files.sync(temporary); err != nil {
		return err
	}
	return e.link(temporary, name)
}

// stampFile stamps a closed file as the tenant's.
func (e *Engine) stampFile(ctx context.Context, path, id string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_txlock=immediate&_foreign_keys=0")})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	return stamp(ctx, db, id)
}
