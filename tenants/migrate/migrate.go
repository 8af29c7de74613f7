// Package migrate brings one database to the version of its migrations. It
// knows dialects, not tenants: engines, the fleet and commands use it alike.
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

// Up applies the migrations that the database has not seen, and returns the
// version it then has. That is greater than Latest if a newer program has
// migrated the database.
//
// Each migration is a transaction: after an error the ones before the failed
// one, which the error names, stay. Two callers at once, also of two
// processes, are harmless: each migration is applied by one of them. On SQLite
// that leaves out a migration marked NO TRANSACTION, which both may run.
//
// On Postgres a migration waits at most three seconds for each lock, so that
// it holds up nobody for longer. It is tried three times, with pauses, and then
// fails with SQLSTATE 55P03. Up needs one connection of db.
//
// With an error Up returns the version at which the database stands then, or
// ErrUnclear beside it where that can't be told.
func Up(ctx context.Context, db *sql.DB, dialect string, fsys fs.FS) (int64, error) {
	if _, err := Latest(fsys); err != nil {
		return 0, err
	}
	versions, err := newStore(dialect)
	if err != nil {
		return 0, err
	}
	run := func() error { return upOnce(ctx, db, versions, fsys) }
	if dialect == sqlite {
		err = upBesideOthers(ctx, db, versions, run)
	} else {
		err = upBesideRequests(ctx, time.Second, run)
	}
	if err != nil {
		return standing(ctx, db, versions, err)
	}
	return versions.current(ctx, db)
}

// ErrUnclear: a migration failed, and it is not known what it has changed: it
// ran without a transaction, or the database can't be asked.
var ErrUnclear = errors.New("it is not known what the migration has changed")

// standing is the version of a database whose migration failed, also when ctx
// has ended.
func standing(ctx context.Context, db *sql.DB, versions store, failure error) (int64, error) {
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
	return version, failure
}

// Version is the version of the last migration applied to the database, 0 if
// there is none. It changes nothing.
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

// Current is the version of a database that was migrated before, read with one
// query by any role that may read its table of versions.
func Current(ctx context.Context, db *sql.DB) (version int64, err error) {
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// Claim makes the table of versions as Up makes it, in a database that goose has
// migrated by itself.
func Claim(ctx context.Context, db database.DBTxConn, dialect string) error {
	if dialect != sqlite {
		return nil
	}
	return indexVersions(ctx, db, goose.DefaultTablename)
}

func upOnce(ctx context.Context, db *sql.DB, versions store, fsys fs.FS) error {
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
		return fmt.Errorf("read migrations: %w", err)
	}
	_, err = provider.Up(ctx)
	var partial *goose.PartialError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &partial):
		name := path.Base(partial.Failed.Source.Path)
		err = fmt.Errorf("apply migration %s: %w", name, err)
		if !isTransaction(fsys, name) {
			err = fmt.Errorf("%w: %w", ErrUnclear, err)
		}
		return err
	}
	return fmt.Errorf("apply migrations: %w", err)
}

// isTransaction tells whether a migration is rolled back when it fails.
func isTransaction(fsys fs.FS, name string) bool {
	content, err := fs.ReadFile(fsys, name)
	return err == nil && !bytes.Contains(content, []byte("+goose NO TRANSACTION"))
}

// upBesideRequests runs an Up again that timed out waiting for a lock, after a
// pause and then after one twice as long.
func upBesideRequests(ctx context.Context, pause time.Duration, run func() error) error {
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

// lockNotAvailable is the SQLSTATE of a lock time-out.
const lockNotAvailable = "55P03"

// upBesideOthers runs an Up that has no lock to keep others out. When it fails,
// the other one may have been first: it waits until that one is through with
// its transaction, and fails only if meanwhile nothing was applied.
func upBesideOthers(ctx context.Context, db *sql.DB, versions store, run func() error) error {
	for {
		before, err := versions.current(ctx, db)
		if err != nil {
			return err
		}
		failure := run()
		if failure == nil {
			return nil
		}
		if err := waitForWriter(ctx, db); err != nil {
			return failure
		}
		after, err := versions.current(ctx, db)
		if err != nil || after == before {
			return failure
		}
	}
}

// waitForWriter returns when no other connection writes, or with an error when
// the busy time-out is over.
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
