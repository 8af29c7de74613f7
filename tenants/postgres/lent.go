package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tenantry/tenants"
)

// lent is a connection of a tenant's pool. While it has a transaction, it has a connection of the lender, which becomes the
// tenant's role as the transaction begins and ceases to be it as that ends: nothing outlives the transaction.
type lent struct {
	borrower
	slot  *slot        // nil without a transaction
	held  *sql.Conn    // nil without a transaction
	real  *countedConn // what held is
	since time.Time    // when its transaction began
}

var (
	_ driver.Conn              = (*lent)(nil)
	_ driver.ConnBeginTx       = (*lent)(nil)
	_ driver.ExecerContext     = (*lent)(nil)
	_ driver.QueryerContext    = (*lent)(nil)
	_ driver.NamedValueChecker = (*lent)(nil)
	_ driver.Validator         = (*lent)(nil)
)

// errNoTransaction means that a statement was sent outside of a transaction.
var errNoTransaction = errors.New("a lent connection runs statements in a transaction alone")

// staleConns is how many connections that turn out to be broken a transaction tries.
const staleConns = 32

// BeginTx waits for a turn, borrows a connection and begins a transaction on it as the tenant's role. Returns a
// *tenants.BusyError if ctx's deadline passes before there is a turn and a connection.
func (l *lent) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	l.turns.weigh(ctx)
	slot, err := l.turns.turn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := l.borrow(ctx, slot, opts)
	if err != nil {
		slot.leave()
		l.turns.abandon()
		return nil, err
	}
	l.turns.connected(0)
	return tx, nil
}

// borrow begins a transaction on the slot's connection.
func (l *lent) borrow(ctx context.Context, slot *slot, opts driver.TxOptions) (driver.Tx, error) {
	for try := 0; ; try++ {
		held, err := slot.pool.db.Conn(ctx)
		if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, tenants.ErrBusy) {
			return nil, l.turns.late(ctx)
		}
		if err != nil {
			return nil, err
		}
		tx, err := l.beginOn(ctx, held, opts)
		if err == nil {
			l.slot, l.since = slot, time.Now()
			return tx, nil
		}
		_ = held.Close() // its transaction is over
		if !errors.Is(err, driver.ErrBadConn) || try == staleConns {
			return nil, err
		}
	}
}

func (l *lent) beginOn(ctx context.Context, held *sql.Conn, opts driver.TxOptions) (tx driver.Tx, err error) {
	err = held.Raw(func(of any) error {
		real, ok := of.(*countedConn)
		if !ok {
			return fmt.Errorf("driver's %T can't be lent", of)
		}
		begun, err := real.beginAs(ctx, opts, l.role, l.schema)
		if state := stateOf(err); state == codeForbidden || state == codeInvalidValue { // the role is closed or lost
			return unavailable(err)
		}
		if err != nil {
			return err
		}
		// Held keeps the connection from all others until its transaction has ended.
		l.held, l.real, tx = held, real, lentTransaction{l, begun}
		return nil
	})
	return tx, err
}

// Begin is not used by database/sql, which calls BeginTx.
func (l *lent) Begin() (driver.Tx, error) { return l.BeginTx(context.Background(), driver.TxOptions{}) }

// Prepare returns an error: a prepared statement would outlive the transaction.
func (l *lent) Prepare(string) (driver.Stmt, error) { return nil, errNoTransaction }

// CheckNamedValue is conn's.
func (l *lent) CheckNamedValue(v *driver.NamedValue) error {
	if l.real == nil {
		return errNoTransaction
	}
	return l.real.CheckNamedValue(v)
}

// ExecContext runs a statement that returns no rows.
func (l *lent) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := l.admit(query); err != nil {
		return nil, err
	}
	result, err := l.real.ExecContext(ctx, query, args)
	return result, errors.Join(err, l.real.stray())
}

// QueryContext runs a statement that returns rows.
func (l *lent) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := l.admit(query); err != nil {
		return nil, err
	}
	rows, err := l.real.QueryContext(ctx, query, args)
	if err = errors.Join(err, l.real.stray()); err != nil {
		return nil, err
	}
	known, ok := rows.(*stdlib.Rows)
	if !ok {
		return nil, errors.Join(fmt.Errorf("driver's %T can't be read", rows), rows.Close())
	}
	return lentRows{known, l.real.conn}, nil
}

// admit returns an error if a statement can't run.
func (l *lent) admit(query string) error {
	if l.real == nil {
		return errNoTransaction
	}
	if err := l.real.stray(); err != nil {
		return err
	}
	if !mayBegin(query) {
		return fmt.Errorf("%w: %s is not a statement for a tenant in a shared database", tenants.ErrForbiddenStatement, tenants.Keyword(query, true))
	}
	return nil
}

// IsValid is called when the connection returns to the tenant's pool.
func (l *lent) IsValid() bool { return l.held == nil }

// Close gives back what the connection holds.
func (l *lent) Close() error {
	if l.real != nil {
		l.real.discard() // its transaction wasn't ended
	}
	return l.giveBack()
}

func (l *lent) giveBack() error {
	held, slot := l.held, l.slot
	l.held, l.slot, l.real = nil, nil, nil
	if held == nil {
		return nil
	}
	err := held.Close()
	l.turns.endTurn(slot, time.Since(l.since))
	return err
}

// lentTransaction gives the connection back when it ends.
type lentTransaction struct {
	lent  *lent
	begun driver.Tx
}

// Commit is transaction's.
func (t lentTransaction) Commit() error {
	err := t.begun.Commit()
	_ = t.lent.giveBack() // the outcome stands
	return err
}

// Rollback is transaction's.
func (t lentTransaction) Rollback() error {
	err := t.begun.Rollback()
	_ = t.lent.giveBack() // the outcome stands
	return err
}

// lentRows are rows of a statement whose kind is checked at their end, when the server tells it.
type lentRows struct {
	*stdlib.Rows
	conn *conn
}

// Next reads a row.
func (r lentRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if errors.Is(err, io.EOF) {
		if stray := r.conn.stray(); stray != nil {
			return stray
		}
	}
	return err
}

// beginAs begins a transaction as the role, under the class of what begins with ctx.
func (c *countedConn) beginAs(ctx context.Context, opts driver.TxOptions, role, schema string) (driver.Tx, error) {
	c.countFor(c.share.classOf(ctx))
	c.role, c.space = role, schema
	return c.conn.BeginTx(ctx, opts)
}

// beginRole begins a transaction and becomes the role in it, with the limits of the tenant, in one round trip.
func (c *conn) beginRole(ctx context.Context, opts driver.TxOptions) error {
	isolation, err := isolationOf(opts)
	if err != nil {
		return err
	}
	role, schema := pgx.Identifier{c.role}.Sanitize(), pgx.Identifier{c.space}.Sanitize()
	var text strings.Builder
	text.WriteString("BEGIN" + isolation)
	if opts.ReadOnly {
		text.WriteString(" READ ONLY")
	}
	text.WriteString("; SET LOCAL ROLE " + role + "; SET LOCAL search_path = " + schema)
	if limit := tenants.StatementTimeLimit(ctx); limit > 0 {
		fmt.Fprintf(&text, "; SET LOCAL statement_timeout = %d", (limit + time.Millisecond - 1).Milliseconds())
	}
	_, err = c.Conn.Conn().PgConn().Exec(ctx, text.String()).ReadAll()
	if err != nil && !c.Conn.Conn().IsClosed() && c.Conn.Conn().PgConn().TxStatus() != 'I' {
		c.discard()
	}
	return err
}

// isolationOf returns the isolation level as BEGIN names it.
func isolationOf(opts driver.TxOptions) (string, error) {
	switch sql.IsolationLevel(opts.Isolation) {
	case sql.LevelDefault:
		return "", nil
	case sql.LevelReadUncommitted, sql.LevelReadCommitted:
		return " ISOLATION LEVEL READ COMMITTED", nil
	case sql.LevelRepeatableRead, sql.LevelSnapshot:
		return " ISOLATION LEVEL REPEATABLE READ", nil
	case sql.LevelSerializable:
		return " ISOLATION LEVEL SERIALIZABLE", nil
	}
	return "", fmt.Errorf("unsupported isolation: %v", opts.Isolation)
}
