//go:build cgo

package trial_test

import (
	"database/sql/driver"

	"github.com/mattn/go-sqlite3"
)

func sqliteDriver() driver.Driver { return &sqlite3.SQLiteDriver{} }
