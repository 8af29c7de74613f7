// Package migrate applies migrations to one database. It knows dialects but not tenants, so that
// engines, the fleet and commands can all use it.
package migrate

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Up applies the migrations that the database has not had, and returns its new version. That is
// greater than Latest if a newer program has migrated the database.
//
// Each migration is a transaction. After an error, which names the failed migration, the ones before
// it stay applied. Up may be called at the same time by several callers, also in different processes:
// each migration is applied by one of them. The exception is a migration marked NO TRANSACTION on
// SQLite, which several callers may run.
//
// On Postgres a migration waits at most three seconds for each lock, so that it doesn't block requests
// for longer. Up tries it three times, with pauses, before it fails with SQLSTATE 55P03. Up needs one
// connection of db.
//
// On SQLite, foreign keys should be off in db, so that a migration can rebuild a table. A migration that leaves rows
// whose foreign key refers to no row fails with a *ReferenceError, and is rolled back.
//
// With an error Up returns the version at which the database stopped. The error wraps ErrUnclear if
// that can't be determined.
func Up(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS) (int64, error) {
	latest, err := Latest(fsys)
	if err != nil {
		return 0, err
	}
	versions, err := newStore(dialect)
	if err != nil {
		return 0, err
	}
	run := func() (failed int64, err error) { return upOnce(ctx, db, versions, fsys) }
	if dialect == sqlite {
		err = upWithoutLock(ctx, db, versions, run)
	} else {
		err = upWithRetries(ctx, time.Second, func() error { _, err := run(); return err })
	}
	if err == nil {
		return versions.latest(ctx, db)
	}
	version, err := stoppedAt(ctx, db, versions, err)
	if err != nil && version >= latest {
		return version, nil // ctx ended after the last migration was applied
	}
	return version, err
}

// ErrUnclear means that a migration failed and it is unknown what it changed, because it ran without a
// transaction or the database can't be reached.
var ErrUnclear = errors.New("it is not known what the migration has changed")

// stoppedAt returns the version of a database whose migration failed, even if ctx has ended.
func stoppedAt(ctx context.Context, db *sql.DB, versions store, failure error) (int64, error) {
	if errors.Is(failure, ErrUnclear) {
		return 0, failure
	}
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	version, err := versions.current(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnclear, failure)
	}
	explainReference(ctx, db, failure)
	return version, failure
}

// Version returns the version of the last applied migration, or 0 if there is none. It changes
// nothing.
func Version(ctx context.Context, db database.DBTxConn, dialect string, fsys fs.FS) (int64, error) {
	if _, err := Latest(fsys); err != nil {
		return 0, err
	}
	versions, err := newStore(dialect)
	if err != nil {
		return 0, err
	}
	return versions.current(ctx, db)
}

// CurrentQuery selects the version of a database that was migrated before.
const CurrentQuery = "SELECT max(version_id) FROM " + goose.DefaultTablename

// Current returns the version of a database that was migrated before. It needs one query and only the
// right to read the table of versions.
func Current(ctx context.Context, db *sql.DB) (version int64, err error) {
	err = db.QueryRowContext(ctx, CurrentQuery).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// PrepareVersions prepares the table of versions for Up in a database that plain goose has migrated.
func PrepareVersions(ctx context.Context, db database.DBTxConn, dialect string) error {
	if dialect != sqlite {
		return nil
	}
	return indexVersions(ctx, db, goose.DefaultTablename)
}

// upOnce returns the version of the migration that failed, or 0 if something else did.
func upOnce(ctx context.Context, db *sql.DB, versions store, fsys fs.FS) (failed int64, err error) {
	provider, err := newProvider(db, versions, fsys)
	if err != nil {
		return 0, err
	}
	_, err = provider.Up(ctx)
	return explain("apply", err, fsys)
}

func newProvider(db *sql.DB, versions store, fsys fs.FS) (*goose.Provider, error) {
	options := []goose.ProviderOption{
		goose.WithStore(versions),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	}
	if versions.locker != nil {
		options = append(options, goose.WithSessionLocker(versions.locker))
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, fsys, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// explain returns goose's error with the name and the version of the migration that failed, or 0 if something else did.
func explain(verb string, err error, fsys fs.FS) (failed int64, explained error) {
	var partial *goose.PartialError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &partial):
		name := path.Base(partial.Failed.Source.Path)
		err = fmt.Errorf("%s migration %s: %w", verb, name, partial.Err)
		if !isTransaction(fsys, name) {
			err = fmt.Errorf("%w: %w", ErrUnclear, err)
		}
		return partial.Failed.Source.Version, err
	}
	return 0, fmt.Errorf("%s migrations: %w", verb, err)
}

// isTransaction reports whether a migration is rolled back if it fails.
func isTransaction(fsys fs.FS, name string) bool {
	content, err := fs.ReadFile(fsys, name)
	return err == nil && !bytes.Contains(content, []byte("+goose NO TRANSACTION"))
}

// upWithRetries calls run again if it timed out waiting for a lock, after a pause that doubles
// each time.
func upWithRetries(ctx context.Context, pause time.Duration, run func() error) error {
	const tries = 3
	for i := 1; ; i++ {
		err := run()
		var refused interface{ SQLState() string }
		if i == tries || !errors.As(err, &refused) || refused.SQLState() != lockNotAvailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
			pause *= 2
		}
	}
}

// lockNotAvailable is the SQLSTATE of a lock timeout.
const lockNotAvailable = "55P03"

// upWithoutLock calls run without a lock against other callers. If a migration fails, another caller may have
// been first: upWithoutLock waits for that one's transaction, and returns the error only if that has not
// applied the migration.
func upWithoutLock(ctx context.Context, db *sql.DB, versions store, run func() (failed int64, err error)) error {
	for {
		failed, failure := run()
		if failed == 0 {
			return failure
		}
		if err := waitForWriter(ctx, db); err != nil {
			return failure
		}
		now, err := versions.current(ctx, db)
		if err != nil || now < failed {
			return failure
		}
	}
}

// waitForWriter waits until no other connection writes. Returns an error after the busy timeout.
func waitForWriter(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	_, err = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	return err
}
