//go:build cgo

package migrate_test

import (
	"database/sql"
	"testing"

	_ "github.com/mattn/go-sqlite3"
)

func openSQLite(t *testing.T, file string) *sql.DB {
	t.Helper()
	return opened(t, "sqlite3", "file:"+file+"?_busy_timeout=5000&_journal_mode=WAL")
}
