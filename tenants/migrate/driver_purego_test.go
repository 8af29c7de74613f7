//go:build !cgo

package migrate_test

import (
	"database/sql"
	"testing"

	_ "modernc.org/sqlite"
)

func openSQLite(t *testing.T, file string) *sql.DB {
	t.Helper()
	return opened(t, "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
}
