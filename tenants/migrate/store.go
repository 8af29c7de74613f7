package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// The dialects, as in tenants.Schema.Migrations.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// store is goose's table of applied migrations.
type store struct {
	database.StoreExtender
	// locker keeps others out while migrations run. It is nil if the table does that itself.
	locker lock.SessionLocker
}

func newStore(dialect string) (store, error) {
	switch dialect {
	case sqlite:
		table, err := database.NewStore(database.DialectSQLite3, goose.DefaultTablename)
		return store{StoreExtender: sqliteTable{table}}, err
	case postgres:
		table, err := newPostgresTable()
		if err != nil {
			return store{}, err
		}
		return store{StoreExtender: table, locker: &sessionLocker{}}, nil
	}
	return store{}, fmt.Errorf("dialect %q is not sqlite or postgres", dialect)
}

// current returns the last applied version, or 0 if there is no table.
func (s store) current(ctx context.Context, db database.DBTxConn) (int64, error) {
	exists, err := s.TableExists(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if !exists {
		return 0, nil
	}
	return s.latest(ctx, db)
}

// latest returns the last applied version of a database that has the table.
func (s store) latest(ctx context.Context, db database.DBTxConn) (int64, error) {
	version, err := s.GetLatestVersion(ctx, db)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

// sqliteTable accepts each version only once. If two callers run the same migration, the later one
// fails when it records the version, and is rolled back.
type sqliteTable struct{ database.Store }

// CreateVersionTable creates goose's table with a unique index on the version.
func (t sqliteTable) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	if err := t.Store.CreateVersionTable(ctx, db); err != nil {
		return err
	}
	return indexVersions(ctx, db, t.Tablename())
}

func indexVersions(ctx context.Context, db database.DBTxConn, table string) error {
	_, err := db.ExecContext(ctx, "CREATE UNIQUE INDEX IF NOT EXISTS goose_db_version_key ON "+table+" (version_id)")
	return err
}

// TableExists reports whether goose's table exists. Without it goose would run a statement that fails.
func (t sqliteTable) TableExists(ctx context.Context, db database.DBTxConn) (bool, error) {
	var n int
	err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?", t.Tablename()).Scan(&n)
	return n > 0, err
}

func newPostgresTable() (database.StoreExtender, error) {
	table, err := database.NewStore(database.DialectPostgres, goose.DefaultTablename)
	if err != nil {
		return nil, err
	}
	extended, ok := table.(database.StoreExtender)
	if !ok {
		return nil, errors.New("goose can't tell whether its table exists")
	}
	return extended, nil
}

// sessionLocker is goose's advisory lock, one for each schema. While it is held, no statement waits long for a lock that
// requests hold.
type sessionLocker struct {
	taken lock.SessionLocker // nil before SessionLock
}

// lockOf returns the number of the advisory lock of the schema in which the connection works: schemas of one database are
// migrated independently.
func lockOf(ctx context.Context, conn *sql.Conn) (int64, error) {
	var schema string
	if err := conn.QueryRowContext(ctx, "SELECT coalesce(current_schema(), 'public')").Scan(&schema); err != nil {
		return 0, fmt.Errorf("lock migrations: %w", err)
	}
	if schema == "public" {
		return lock.DefaultLockID, nil
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(schema)) // never fails
	return int64(hash.Sum64()), nil
}

// SessionLock takes the lock, sets the lock timeout, and drops invalid indexes.
func (g *sessionLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	const everySecond, tries = 1, 600
	id, err := lockOf(ctx, conn)
	if err != nil {
		return err
	}
	g.taken, err = lock.NewPostgresSessionLocker(
		lock.WithLockID(id),
		lock.WithLockTimeout(everySecond, tries),
		lock.WithUnlockTimeout(everySecond, 1), // unlocking fails only if the connection is gone, and the lock with it
	)
	if err != nil {
		return err
	}
	if err := g.taken.SessionLock(ctx, conn); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "SET lock_timeout = '3s'")
	if err == nil {
		err = dropInvalidIndexes(ctx, conn)
	}
	if err != nil {
		return errors.Join(err, g.SessionUnlock(context.WithoutCancel(ctx), conn))
	}
	return nil
}

// SessionUnlock resets the lock timeout, then releases the lock.
func (g *sessionLocker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "RESET lock_timeout")
	return errors.Join(err, g.taken.SessionUnlock(ctx, conn))
}
