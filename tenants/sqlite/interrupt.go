package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
)

// A driver interrupts a statement when its context ends. SQLite forgets an interruption that comes before the statement has
// begun to run, unless another statement of the connection is running: then each statement that begins is interrupted,
// too, until none runs any more (sqlite3_interrupt). On a busy machine a context does end in between, and the statement
// would run for as long as it takes. So a scope has a statement that runs from its beginning to its end: it has returned
// the first of two rows. It reads no table, and so holds no lock.

// runner is that statement. It is not safe for concurrent use.
type runner struct {
	statement driver.Stmt     // kept for the connection's next scopes
	rows      driver.Rows     // nil if it doesn't run
	last      context.Context // of the scope's last statement
}

// next starts the statement anew if it may have kept an interruption of the scope's last one: the next is to run.
func (r *runner) next(ctx context.Context, conn driver.ConnPrepareContext) error {
	last := r.last
	r.last = ctx
	if last == nil || last.Err() == nil || r.rows == nil {
		return nil
	}
	if err := r.end(); err != nil {
		return err
	}
	return r.start(ctx, conn)
}

// start starts the statement.
func (r *runner) start(ctx context.Context, conn driver.ConnPrepareContext) (err error) {
	ctx = context.WithoutCancel(ctx) // it takes microseconds
	if r.statement == nil {
		if r.statement, err = conn.PrepareContext(ctx, "VALUES (1), (2)"); err != nil {
			return err
		}
	}
	query, ok := r.statement.(driver.StmtQueryContext)
	if !ok {
		return errors.New("the driver's statements can't be queried")
	}
	if r.rows, err = query.QueryContext(ctx, nil); err != nil {
		return err
	}
	return r.rows.Next(make([]driver.Value, 1))
}

// end ends the statement, and with it an interruption.
func (r *runner) end() error {
	if r.rows == nil {
		return nil
	}
	rows := r.rows
	r.rows, r.last = nil, nil
	return rows.Close()
}

// close releases the statement.
func (r *runner) close() error {
	err := r.end()
	if r.statement != nil {
		err = errors.Join(err, r.statement.Close())
	}
	return err
}

// guardedTx is a driver's transaction. Its end can't be interrupted by what was meant for a statement.
type guardedTx struct {
	driver.Tx
	runner *runner
}

// Commit commits.
func (t guardedTx) Commit() error { return errors.Join(t.runner.end(), t.Tx.Commit()) }

// Rollback rolls back.
func (t guardedTx) Rollback() error { return errors.Join(t.runner.end(), t.Tx.Rollback()) }
