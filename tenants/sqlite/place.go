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

// place records which file was at a path when it was opened. SQLite would go on writing to a file that
// was replaced or removed meanwhile, and the writes would be lost. The check uses the file's name,
// because opening and closing the file would drop SQLite's locks.
type place struct {
	path string
	file os.FileInfo
}

// findPlace returns the place of an existing file.
func findPlace(path string) (*place, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fileError(err)
	}
	return &place{path, info}, nil
}

// check returns tenants.ErrReplaced if the file is no longer at its path.
func (p *place) check() error { return checkFile(p.path, p.file) }

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

// lookAgain is how long transactions that only read rely on the last check.
const lookAgain = time.Second

// placedConn is a connection to a file in a place. It begins and commits nothing once the file, or one
// of its sidecars, was replaced.
type placedConn struct {
	rawConn
	place  *place
	beside [2]os.FileInfo // -wal and -shm; nil for a file that didn't exist
	looked time.Time
}

// besides returns the suffixes of the files that an open database uses.
func besides() [2]string { return [...]string{"-wal", "-shm"} }

// newPlacedConn wraps conn, which must have read from the database, so that it has its sidecars open.
func newPlacedConn(conn rawConn, p *place) (*placedConn, error) {
	c := &placedConn{rawConn: conn, place: p, looked: time.Now()}
	for i, ending := range besides() {
		info, err := os.Lstat(p.path + ending)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fileError(err)
		}
		if err == nil {
			c.beside[i] = info
		}
	}
	return c, p.check()
}

func (c *placedConn) check() error {
	if err := c.place.check(); err != nil {
		return err
	}
	for i, ending := range besides() {
		if c.beside[i] == nil {
			continue
		}
		if err := checkFile(c.place.path+ending, c.beside[i]); err != nil {
			return err
		}
	}
	c.looked = time.Now()
	return nil
}

// BeginTx checks the files, unless it did so a moment ago.
func (c *placedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if time.Since(c.looked) > lookAgain {
		if err := c.check(); err != nil {
			return nil, err
		}
	}
	tx, err := c.rawConn.BeginTx(ctx, opts)
	if err != nil || opts.ReadOnly {
		return tx, err
	}
	return placedTx{tx, c}, nil
}

// IsValid returns the driver's answer, if it implements driver.Validator.
func (c *placedConn) IsValid() bool {
	validator, ok := c.rawConn.(driver.Validator)
	return !ok || validator.IsValid()
}

// AutoCommit returns false while a transaction is open, if the driver knows.
func (c *placedConn) AutoCommit() bool {
	raw, ok := c.rawConn.(interface{ AutoCommit() bool })
	return !ok || raw.AutoCommit()
}

// ResetSession resets the session if the driver supports it.
func (c *placedConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.rawConn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

// Close closes the connection. The last connection to close removes the -wal by its name; if another
// database's -wal is there, Close prevents that.
func (c *placedConn) Close() error {
	var kept error
	if c.beside[0] != nil && checkFile(c.place.path+"-wal", c.beside[0]) != nil {
		kept = keepWAL(c.rawConn)
	}
	return errors.Join(kept, c.rawConn.Close())
}

// placedTx is a transaction that may write.
type placedTx struct {
	driver.Tx
	conn *placedConn
}

// Commit checks the files before and after the commit, so that what is reported as stored is stored in
// the file at the path.
func (t placedTx) Commit() error {
	if err := t.conn.check(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.conn.check()
}
