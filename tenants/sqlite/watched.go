package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"tenantry/tenants"
)

// fileAt records which file was at a path when it was opened. SQLite would go on writing to a file that
// was replaced or removed meanwhile, and the writes would be lost. The check uses the file's name,
// because opening and closing the file would drop SQLite's locks.
type fileAt struct {
	path string
	file os.FileInfo
}

// statFile returns the file that is at path.
func statFile(path string) (*fileAt, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fileError(err)
	}
	return &fileAt{path, info}, nil
}

// check returns tenants.ErrReplaced if the file is no longer at its path.
func (f *fileAt) check() error { return checkFile(f.path, f.file) }

func checkFile(path string, want os.FileInfo) error {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s was removed", tenants.ErrReplaced, path)
	case err != nil:
		return fileError(err)
	case !os.SameFile(info, want):
		return fmt.Errorf("%w: %s is another file", tenants.ErrReplaced, path)
	}
	return nil
}

// recheckAfter is how long transactions that only read rely on the last check.
const recheckAfter = time.Second

// watchedConn is a connection to a file. It begins and commits nothing once the file, or one
// of its sidecars, was replaced.
type watchedConn struct {
	rawConn
	file     *fileAt
	sidecars [2]os.FileInfo // -wal and -shm; nil for a file that didn't exist
	checked  time.Time
}

// openSidecars returns the suffixes of the files that an open database uses.
func openSidecars() [2]string { return [...]string{"-wal", "-shm"} }

// newWatchedConn wraps conn, which must have read from the database, so that it has its sidecars open.
func newWatchedConn(conn rawConn, f *fileAt) (*watchedConn, error) {
	c := &watchedConn{rawConn: conn, file: f, checked: time.Now()}
	for i, ending := range openSidecars() {
		info, err := os.Lstat(f.path + ending)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fileError(err)
		}
		if err == nil {
			c.sidecars[i] = info
		}
	}
	return c, f.check()
}

func (c *watchedConn) check() error {
	if err := c.file.check(); err != nil {
		return err
	}
	for i, ending := range openSidecars() {
		if c.sidecars[i] == nil {
			continue
		}
		if err := checkFile(c.file.path+ending, c.sidecars[i]); err != nil {
			return err
		}
	}
	c.checked = time.Now()
	return nil
}

// BeginTx checks the files, unless it did so a moment ago.
func (c *watchedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if time.Since(c.checked) > recheckAfter {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	tx, err := c.rawConn.BeginTx(ctx, opts)
	if err != nil || opts.ReadOnly {
		return tx, err
	}
	return watchedTx{tx, c}, nil
}

// IsValid returns the driver's answer, if it implements driver.Validator.
func (c *watchedConn) IsValid() bool {
	validator, ok := c.rawConn.(driver.Validator)
	return !ok || validator.IsValid()
}

// AutoCommit returns false while a transaction is open, if the driver knows.
func (c *watchedConn) AutoCommit() bool {
	raw, ok := c.rawConn.(interface{ AutoCommit() bool })
	return !ok || raw.AutoCommit()
}

// ResetSession resets the session if the driver supports it.
func (c *watchedConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.rawConn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

// Close closes the connection. The last connection to close removes the -wal by its name; if another
// database's -wal is there, Close prevents that.
func (c *watchedConn) Close() error {
	var kept error
	if c.sidecars[0] != nil && checkFile(c.file.path+"-wal", c.sidecars[0]) != nil {
		kept = keepWAL(c.rawConn)
	}
	return errors.Join(kept, c.rawConn.Close())
}

// watchedTx is a transaction that may write.
type watchedTx struct {
	driver.Tx
	conn *watchedConn
}

// Commit checks the files before and after the commit, so that what is reported as stored is stored in
// the file at the path.
func (t watchedTx) Commit() error {
	if err := t.conn.check(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.conn.check()
}
