//go:build cgo

package sqlite_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"tenantry/tenants/tenantstest/notes"
)

// ended is a context that has ended. The driver in C looks at that only once it has begun to run the statement in another
// goroutine; the one in Go looks before, too, so that the moment in between can't be had from outside.
type ended struct{ context.Context }

func (ended) Err() error { return context.Canceled }

func (ended) Done() <-chan struct{} {
	closed := make(chan struct{})
	close(closed)
	return closed
}

// TestInterruptionBeforeTheStatementRuns: a statement whose context ends before SQLite has begun to run it ends at once, all the same.
// Without that it would run for as long as it takes, here until it has counted.
func TestInterruptionBeforeTheStatementRuns(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	conns, err := engine.Open(t.Context(), create(t, engine))
	if err != nil {
		t.Fatal(err)
	}
	defer conns.Close()
	const counting = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) "
	for range 20 {
		conn, err := conns.Write.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		err = conn.Raw(func(of any) error {
			tx, err := of.(driver.ConnBeginTx).BeginTx(t.Context(), driver.TxOptions{})
			if err != nil {
				return err
			}
			const insert = counting + "INSERT INTO folders (id, name, remark, created_at, updated_at) SELECT count(*), 'x', '', '2026-01-01', '2026-01-01' FROM n"
			if _, err := of.(driver.ExecerContext).ExecContext(ended{t.Context()}, insert, nil); err == nil {
				t.Error("no error")
			}
			rows, err := of.(driver.QueryerContext).QueryContext(t.Context(), "SELECT count(*) FROM folders", nil)
			if err != nil {
				return err
			}
			count := make([]driver.Value, 1)
			if err := errors.Join(rows.Next(count), rows.Close()); err != nil {
				return err
			}
			if count[0] != int64(0) {
				t.Error("the statement ran to its end")
			}
			_ = tx.Rollback() // an interrupted INSERT has rolled back itself
			return nil
		})
		if err := errors.Join(err, conn.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := conns.Write.ExecContext(t.Context(), "UPDATE folders SET name = name"); err != nil {
			t.Fatalf("the next statement: %v", err)
		}
		if t.Failed() {
			return
		}
	}
}
