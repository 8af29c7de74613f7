//go:build cgo

package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// DriverName tells which SQLite was built in.
const DriverName = "mattn/go-sqlite3"

func builtDriver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func openConn(dsn string) (driver.Conn, error) { return builtDriver().Open(dsn) }

// guard refuses ATTACH at the connection itself, below the scope that refuses
// the keyword.
func guard(conn driver.Conn) error {
	c, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't refuse ATTACH", conn)
	}
	c.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	return nil
}

// systemError is the system's error behind err, 0 when there is none.
func systemError(err error) syscall.Errno {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.SystemErrno
}

// keepWAL has the connection not remove the -wal file when it is closed.
func keepWAL(conn driver.Conn) error {
	c, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't keep -wal", conn)
	}
	return c.SetFileControlInt("main", sqlite3.SQLITE_FCNTL_PERSIST_WAL, 1)
}

// resultCode is SQLite's extended code of err, 0 when err is not SQLite's.
func resultCode(err error) int {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return 0
	}
	if e.ExtendedCode != 0 {
		return int(e.ExtendedCode)
	}
	return int(e.Code)
}
