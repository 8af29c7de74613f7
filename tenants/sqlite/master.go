package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"tenantry/tenants"
)

// MasterConfig says where the master database is.
type MasterConfig struct {
	// Path is its file; it is made 0600 where it is missing.
	Path string
	// Existing refuses to make a master where there is none: ErrNoMaster.
	Existing bool
	// Log gets slow statements; nil means slog.Default().
	Log *slog.Logger
	// Clock is the machine's; nil means time.Now.
	Clock func() time.Time
}

// OpenMaster opens the master database's file, making it where it is missing,
// and brings its schema up to date. Its commits are always on disk. A master
// that a newer build has migrated is a *tenants.VersionError. The caller closes
// the master.
func OpenMaster(ctx context.Context, c MasterConfig) (*tenants.Master, error) {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	base, err := openBase(tenants.MasterSchema(), c.Log)
	if err != nil {
		return nil, err
	}
	path, err := masterFile(c)
	if err != nil {
		return nil, fmt.Errorf("master database: %w", fileError(err))
	}
	if err := hindrance(path); err != nil {
		return nil, fmt.Errorf("master database: %w", err)
	}
	if c.Existing {
		if err := expectMaster(ctx, path); err != nil {
			return nil, fmt.Errorf("master database %s: %w", path, err)
		}
	}
	place, err := findPlace(path)
	if err != nil {
		return nil, fmt.Errorf("master database: %w", err)
	}
	conns := openMasterConns(place)
	if err := tenants.MigrateMaster(ctx, conns.Write, Dialect); err != nil {
		return nil, errors.Join(fmt.Errorf("master database %s: %w", path, unavailable(hindered(path, err))), conns.Close())
	}
	return tenants.NewMaster(tenants.MasterOptions{
		Base: base, Conns: conns, Watch: watcher{place}.watch, Presence: newPresence(filepath.Dir(path)), Clock: c.Clock,
	}), nil
}

// masterFile is the path of the master's file, which is there or is made.
func masterFile(c MasterConfig) (string, error) {
	if !c.Existing {
		return makeMasterFile(c.Path)
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return "", tenants.ErrNoMaster
	}
	return path, err
}

// expectMaster returns ErrNoMaster for the file of another program.
func expectMaster(ctx context.Context, path string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_query_only=1")})
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = tenants.ExpectMaster(ctx, db, Dialect); err != nil {
		err = unavailable(hindered(path, err))
	}
	return err
}

// makeMasterFile makes the file for its owner alone: SQLite gives -wal and
// -shm the same rights.
func makeMasterFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	return path, f.Close()
}

// openMasterConns opens connections that are good for as long as the file is in
// its place. A master that was replaced is unavailable until the process starts
// again: what it knows of tenants came from the other file.
func openMasterConns(place *place) *tenants.Conns {
	open := func(params string) *sql.DB {
		return sql.OpenDB(connector{dsn: dsn(place.path, params), place: place, verify: readSomething})
	}
	write := open("mode=rw&_txlock=immediate&_journal_mode=WAL&_synchronous=full")
	write.SetMaxOpenConns(1)
	read := open("mode=rw&_query_only=1")
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	return &tenants.Conns{Write: write, Read: read}
}

// readSomething has the connection open what is beside the file.
func readSomething(ctx context.Context, conn rawConn) error {
	var count any
	return queryRow(ctx, conn, "SELECT count(*) FROM sqlite_master", &count)
}

// pollInterval is how often the master is asked whether it changed: a change
// must take effect within one second.
const pollInterval = 250 * time.Millisecond

// watcher sees changes of the master file by any connection but its own.
type watcher struct{ place *place }

// watch polls PRAGMA data_version, which is a look at shared memory. It doesn't
// know which tenant changed, so that everything is read anew: that is cheap
// where the master is a file on this machine.
func (w watcher) watch(ctx context.Context, changed func(tenantID string)) error {
	db := sql.OpenDB(connector{dsn: dsn(w.place.path, "mode=rw&_query_only=1"), place: w.place, verify: readSomething})
	defer db.Close()
	db.SetMaxOpenConns(1) // the version is one connection's own
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for last := (seen{-1, -1}); ; {
		now, err := look(ctx, db, last)
		if err != nil || now.changes != last.changes {
			changed("") // after an error changes may be missed until it can be read again
		}
		last = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// seen is what the file last had: the version, which every commit changes, and
// the count of the changes that matter.
type seen struct{ version, changes int64 }

// look reads the count if the version is another one.
func look(ctx context.Context, db *sql.DB, last seen) (seen, error) {
	now := last
	if err := db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&now.version); err != nil || now.version == last.version {
		return last, err
	}
	err := db.QueryRowContext(ctx, "SELECT count FROM registry_changes").Scan(&now.changes)
	if err != nil {
		return last, err
	}
	return now, nil
}
