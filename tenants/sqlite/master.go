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

// MasterConfig configures the master database.
type MasterConfig struct {
	// Path is its file. It is created, 0600, if missing.
	Path string
	// Existing means that the master must exist: if not, OpenMaster returns ErrNoMaster.
	Existing bool
	// Log gets slow statements. Defaults to slog.Default().
	Log *slog.Logger
	// Clock is the machine's clock. Defaults to time.Now.
	Clock func() time.Time
}

// OpenMaster opens the master database's file, creates it if it is missing, and brings its schema up to
// date. Its commits are always durable. Returns a *tenants.VersionError if a newer build has migrated
// it. The caller must close the master.
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
	if err := findObstacle(path); err != nil {
		return nil, fmt.Errorf("master database: %w", err)
	}
	if c.Existing {
		if err := expectMaster(ctx, path); err != nil {
			return nil, fmt.Errorf("master database %s: %w", path, err)
		}
	}
	file, err := statFile(path)
	if err != nil {
		return nil, fmt.Errorf("master database: %w", err)
	}
	conns := openMasterConns(file)
	if err := tenants.MigrateMaster(ctx, conns.Write, Dialect); err != nil {
		return nil, errors.Join(fmt.Errorf("master database %s: %w", path, unavailable(explainOpen(path, err))), conns.Close())
	}
	return tenants.NewMaster(tenants.MasterOptions{
		Base: base, Conns: conns, Watch: watcher{file}.watch, Presence: newPresence(filepath.Dir(path)), Clock: c.Clock,
	}), nil
}

// masterFile returns the path of the master's file, and creates the file unless c.Existing.
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

// expectMaster returns ErrNoMaster if the file isn't a master database.
func expectMaster(ctx context.Context, path string) (err error) {
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw&_query_only=1")})
	defer func() { err = errors.Join(err, db.Close()) }()
	if err = tenants.ExpectMaster(ctx, db, Dialect); err != nil {
		err = unavailable(explainOpen(path, err))
	}
	return err
}

// makeMasterFile creates the file with access for its owner only. SQLite gives -wal and -shm the same
// mode.
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

// openMasterConns opens connections that work as long as the file is not replaced. A replaced master is
// unavailable until the process restarts, because what the process knows about tenants came from the
// old file.
func openMasterConns(file *fileAt) *tenants.Conns {
	open := func(params string) *sql.DB {
		return sql.OpenDB(connector{dsn: dsn(file.path, params), file: file, verify: readOnce})
	}
	write := open("mode=rw&_txlock=immediate&_journal_mode=WAL&_synchronous=full")
	write.SetMaxOpenConns(1)
	read := open("mode=rw&_query_only=1")
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)
	return &tenants.Conns{Write: write, Read: read, Place: tenants.InProcess}
}

// readOnce reads from the database, which makes the connection open the sidecars.
func readOnce(ctx context.Context, conn rawConn) error {
	var count any
	return queryRow(ctx, conn, "SELECT count(*) FROM sqlite_master", &count)
}

// pollInterval is how often watch polls the master. A change must take effect within one second.
const pollInterval = 250 * time.Millisecond

// watcher notices changes of the master's file by other connections.
type watcher struct{ file *fileAt }

// watch polls PRAGMA data_version, which only reads shared memory. It doesn't know which tenant
// changed, so callers read everything again; that is cheap for a file on this machine.
func (w watcher) watch(ctx context.Context, changed func(tenantID string)) error {
	db := sql.OpenDB(connector{dsn: dsn(w.file.path, "mode=rw&_query_only=1"), file: w.file, verify: readOnce})
	defer db.Close()
	db.SetMaxOpenConns(1) // the version belongs to one connection
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for last := (fileVersion{-1, -1, -1, -1}); ; {
		now, err := readVersion(ctx, db, last)
		switch {
		case err != nil || now.changes != last.changes:
			changed("") // while the master can't be read, changes may be missed
		case now.due != last.due:
			changed(tenants.DueChanged)
		}
		if now.questions != last.questions {
			changed(tenants.QuestionAsked)
		}
		last = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// fileVersion is what the last poll read: the version, which every commit changes, and the numbers of changes
// to tenants, to what is due, and of questions to the processes.
type fileVersion struct{ version, changes, due, questions int64 }

// readVersion reads the number of changes if the version has changed.
func readVersion(ctx context.Context, db *sql.DB, last fileVersion) (fileVersion, error) {
	now := last
	if err := db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&now.version); err != nil || now.version == last.version {
		return last, err
	}
	err := db.QueryRowContext(ctx, "SELECT count, due, questions FROM registry_changes").Scan(&now.changes, &now.due, &now.questions)
	if err != nil {
		return last, err
	}
	return now, nil
}
