//go:build cgo && !linux

package sqlite

import "database/sql/driver"

func openConn(dsn string) (driver.Conn, error) { return builtDriver().Open(dsn) }

// readerParams are for connections that read.
const readerParams = "mode=ro&_query_only=1"
