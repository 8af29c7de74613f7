//go:build !cgo

package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"syscall"

	"modernc.org/sqlite"
)

// DriverName tells which SQLite was built in.
const DriverName = "modernc.org/sqlite"

func builtDriver() driver.Driver { return &sqlite.Driver{} }

func openConn(dsn string) (driver.Conn, error) { return builtDriver().Open(dsn) }

// guard refuses ATTACH at the connection itself, below the scope that refuses
// the keyword. This driver sets limits only on a *sql.Conn, hence a callback.
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

// systemError is 0: this driver doesn't keep it.
func systemError(error) syscall.Errno { return 0 }

// keepWAL has the connection not remove the -wal file when it is closed.
func keepWAL(conn driver.Conn) error {
	c, ok := conn.(sqlite.FileControl)
	if !ok {
		return fmt.Errorf("driver's %T can't keep -wal", conn)
	}
	_, err := c.FileControlPersistWAL("main", 1)
	return err
}

// resultCode is SQLite's extended code of err, 0 when err is not SQLite's.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}
