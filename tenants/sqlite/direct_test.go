//go:build cgo && linux

package sqlite_test

import (
	"database/sql"
	"testing"

	"tenantry/tenants/tenantstest/notes"
)

// TestConnectionsHaveNoCallbacks: the driver's own functions, of which each connection would have five, are missing. It
// fails if the driver has changed so that connections are opened by the driver itself.
func TestConnectionsHaveNoCallbacks(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	conns, err := engine.Open(t.Context(), create(t, engine))
	must(t, err)
	defer conns.Close()
	for name, db := range map[string]*sql.DB{"read": conns.Read, "write": conns.Write} {
		var n int
		must(t, db.QueryRow("SELECT count(*) FROM pragma_function_list WHERE name LIKE 'auth%'").Scan(&n))
		if n != 0 {
			t.Errorf("%s: %d functions", name, n)
		}
		for pragma, want := range map[string]int{"foreign_keys": 1, "busy_timeout": 1000, "trusted_schema": 0} {
			must(t, db.QueryRow("SELECT * FROM pragma_"+pragma).Scan(&n))
			if n != want {
				t.Errorf("%s: %s is %d, want %d", name, pragma, n, want)
			}
		}
	}
	var synchronous int
	must(t, conns.Write.QueryRow("SELECT * FROM pragma_synchronous").Scan(&synchronous))
	if synchronous != 2 {
		t.Errorf("synchronous is %d, want 2, which is full", synchronous)
	}
}
