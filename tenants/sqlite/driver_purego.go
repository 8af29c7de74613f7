//go:build !cgo

package sqlite

import (
	"database/sql/driver"
	"errors"

	"modernc.org/sqlite"
)

// DriverName tells which SQLite was built in.
const DriverName = "modernc.org/sqlite"

func builtDriver() driver.Driver { return &sqlite.Driver{} }

func openConn(dsn string) (driver.Conn, error) { return builtDriver().Open(dsn) }

// guard does nothing: this driver sets limits only on a *sql.Conn. The scope
// refuses ATTACH.
func guard(driver.Conn) {}

// resultCode is SQLite's extended code of err, 0 when err is not SQLite's.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code()
}
