//go:build !cgo

package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
)

// DriverName names the SQLite driver that was built in.
const DriverName = "modernc.org/sqlite"

func builtDriver() driver.Driver { return &sqlite.Driver{} }

func openConn(dsn string) (driver.Conn, error) { return builtDriver().Open(dsn) }

// guard makes the connection itself refuse ATTACH, in addition to the scope, which refuses the keyword.
// This driver can set limits only on a *sql.Conn, so guard registers a callback.
func guard(conn driver.Conn) error {
	c, ok := conn.(sqlite.AuthorizerRegisterer)
	if !ok {
		return fmt.Errorf("driver's %T can't refuse ATTACH", conn)
	}
	return c.RegisterAuthorizer(withoutAttach)
}

func withoutAttach(action sqlite.AuthorizerActionCode, _, _, _, _ string) sqlite.AuthorizerReturnCode {
	if action == sqlite.AuthAttach || action == sqlite.AuthDetach {
		return sqlite.AuthorizerDeny
	}
	return sqlite.AuthorizerOK
}

// systemError returns 0: this driver doesn't keep the operating system's error.
func systemError(error) syscall.Errno { return 0 }

// keepWAL keeps the connection from removing the -wal file when it is closed.
func keepWAL(conn driver.Conn) error {
	c, ok := conn.(sqlite.FileControl)
	if !ok {
		return fmt.Errorf("driver's %T can't keep -wal", conn)
	}
	_, err := c.FileControlPersistWAL("main", 1)
	return err
}

// copyPages copies the connection's database into an empty file.
func copyPages(from driver.Conn, to string) error {
	source, ok := from.(interface {
		NewBackup(to string) (*sqlite.Backup, error)
	})
	if !ok {
		return fmt.Errorf("driver's %T can't copy", from)
	}
	copying, err := source.NewBackup(to)
	if err != nil {
		return err
	}
	_, err = copying.Step(-1)
	return errors.Join(err, copying.Finish())
}

// resultCode returns SQLite's extended result code of err, or 0 if err isn't SQLite's.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}

// readerParams are for connections that read.
const readerParams = "mode=ro&_query_only=1"
