//go:build cgo

package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// DriverName names the SQLite driver that was built in.
const DriverName = "mattn/go-sqlite3"

func builtDriver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// guard makes the connection itself refuse ATTACH, in addition to the scope, which refuses the keyword.
func guard(conn driver.Conn) error {
	c, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't refuse ATTACH", conn)
	}
	c.SetLimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
	return nil
}

// systemError returns the operating system's error behind err, or 0 if there is none.
func systemError(err error) syscall.Errno {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.SystemErrno
}

// keepWAL keeps the connection from removing the -wal file when it is closed.
func keepWAL(conn driver.Conn) error {
	c, ok := conn.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't keep -wal", conn)
	}
	return c.SetFileControlInt("main", sqlite3.SQLITE_FCNTL_PERSIST_WAL, 1)
}

// copyPages copies the connection's database into an empty file.
func copyPages(from driver.Conn, to string) (err error) {
	source, ok := from.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't copy", from)
	}
	opened, err := builtDriver().Open(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	target, ok := opened.(*sqlite3.SQLiteConn)
	if !ok {
		return fmt.Errorf("driver's %T can't copy", opened)
	}
	copying, err := target.Backup("main", source, "main")
	if err != nil {
		return err
	}
	_, err = copying.Step(-1)
	return errors.Join(err, copying.Finish())
}

// resultCode returns SQLite's extended result code of err, or 0 if err isn't SQLite's.
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
