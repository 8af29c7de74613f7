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

// place is where a database's file was when it was opened. A file that is
// replaced or removed while it is open goes on taking writes that are lost with
// it. It is looked at by name: to open it would drop SQLite's locks.
type place struct {
	path string
	file os.FileInfo
}

// findPlace looks where the file is, which must be there.
func findPlace(path string) (*place, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fileError(err)
	}
	return &place{path, info}, nil
}

// check returns tenants.ErrReplaced unless the file is still there.
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

// lookAgain is how long a transaction that only reads takes for granted that
// the file is in its place.
const lookAgain = time.Second

// placedConn is a connection to a file in its place. It begins nothing and
// commits nothing once the file, or one of those that SQLite keeps beside it,
// is not what it has open.
type placedConn struct {
	rawConn
	place  *place
	beside [2]os.FileInfo // -wal and -shm, nil where there was no file
	looked time.Time
}

// besides are the endings of the files that belong to an open one.
func besides() [2]string { return [...]string{"-wal", "-shm"} }

// newPlacedConn is conn, which has read already, so that it holds what is
// beside the file.
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

// BeginTx looks where the file is, unless it has just done so.
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

// IsValid asks the driver, where it has an opinion.
func (c *placedConn) IsValid() bool {
	validator, ok := c.rawConn.(driver.Validator)
	return !ok || validator.IsValid()
}

// AutoCommit is false while a transaction is open, where the driver tells.
func (c *placedConn) AutoCommit() bool {
	raw, ok := c.rawConn.(interface{ AutoCommit() bool })
	return !ok || raw.AutoCommit()
}

// ResetSession has the driver do so, where it can.
func (c *placedConn) ResetSession(ctx context.Context) error {
	if resetter, ok := c.rawConn.(driver.SessionResetter); ok {
		return resetter.ResetSession(ctx)
	}
	return nil
}

// Close leaves another file's -wal alone, which the last connection to close
// would remove by its name.
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

// Commit looks where the file is before and after, so that what it reports as
// stored is stored in the file that is there.
func (t placedTx) Commit() error {
	if err := t.conn.check(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.conn.check()
}
