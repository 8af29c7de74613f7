package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// scopedConn is a connection on which scopes run the application's SQL. The drivers would run several
// statements in one text, so scopedConn prepares any text that may be several: then only the first
// could run. After a statement that may leave state in the connection, such as a temporary table, the
// connection is closed when it is returned to the pool.
type scopedConn struct {
	raw    rawConn
	dirty  bool
	size   sizeLimit
	runner runner
}

var (
	_ driver.ConnPrepareContext = (*scopedConn)(nil)
	_ driver.ExecerContext      = (*scopedConn)(nil)
	_ driver.QueryerContext     = (*scopedConn)(nil)
	_ driver.ConnBeginTx        = (*scopedConn)(nil)
	_ driver.Pinger             = (*scopedConn)(nil)
	_ driver.SessionResetter    = (*scopedConn)(nil)
	_ driver.Validator          = (*scopedConn)(nil)
)

// Prepare calls PrepareContext.
func (c *scopedConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// errNoStatement means that a text contains no statement, or a NUL, where SQLite would stop reading.
var errNoStatement = errors.New("the text is no SQL statement")

// PrepareContext prepares a statement. It refuses a text that is recognized as several statements.
func (c *scopedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	query, err := c.admit(ctx, query)
	if err != nil {
		return nil, err
	}
	if tenants.Several(query, false) {
		return nil, fmt.Errorf("%w: several at once", tenants.ErrForbiddenStatement)
	}
	return c.raw.PrepareContext(ctx, query)
}

// ExecContext runs a text that can only be one statement. For others it makes database/sql call
// PrepareContext.
func (c *scopedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if mayBeSeveral(query) {
		return nil, driver.ErrSkip
	}
	query, err := c.admit(ctx, query)
	if err != nil {
		return nil, err
	}
	return c.raw.ExecContext(ctx, query, args)
}

// QueryContext is like ExecContext, for statements that return rows.
func (c *scopedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if mayBeSeveral(query) {
		return nil, driver.ErrSkip
	}
	query, err := c.admit(ctx, query)
	if err != nil {
		return nil, err
	}
	return c.raw.QueryContext(ctx, query, args)
}

// mayBeSeveral reports whether a text may be several statements. gorm's never contain a semicolon, which
// matters because preparing and closing each would cost 23 allocations.
func mayBeSeveral(query string) bool { return strings.Contains(query, ";") }

// admit returns a statement without leading blanks, and records whether it may leave state in the
// connection. It refuses a text without a statement, on which the driver breaks.
func (c *scopedConn) admit(ctx context.Context, query string) (string, error) {
	query = tenants.TrimBlank(query, false)
	if query == "" || strings.Contains(query, "\x00") {
		return "", errNoStatement
	}
	c.dirty = c.dirty || !leavesNoState(query)
	return query, c.runner.next(ctx, c.raw)
}

// Begin calls BeginTx.
func (c *scopedConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx begins a transaction, which makes the file no larger than the tenant's limit allows.
func (c *scopedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if !opts.ReadOnly {
		if err := c.size.apply(ctx, c.raw); err != nil {
			return nil, err
		}
	}
	tx, err := c.raw.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := c.runner.start(ctx, c.raw); err != nil {
		return nil, errors.Join(err, c.runner.end(), tx.Rollback())
	}
	return guardedTx{tx, &c.runner}, nil
}

// Ping calls the driver's Ping.
func (c *scopedConn) Ping(ctx context.Context) error { return c.raw.Ping(ctx) }

// Close calls the driver's Close.
func (c *scopedConn) Close() error { return errors.Join(c.runner.close(), c.raw.Close()) }

// ResetSession does nothing: IsValid has already made database/sql close connections with state.
func (c *scopedConn) ResetSession(context.Context) error { return nil }

// IsValid returns false if the connection is not as it was when it was opened.
func (c *scopedConn) IsValid() bool {
	if own, ok := c.raw.(driver.Validator); ok && !own.IsValid() {
		return false
	}
	raw, ok := c.raw.(interface{ AutoCommit() bool })
	return !c.dirty && (!ok || raw.AutoCommit())
}

// leavesNoState reports whether a statement leaves no state in the connection.
func leavesNoState(query string) bool {
	switch tenants.Keyword(query, false) {
	case "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH", "VALUES", "SAVEPOINT", "RELEASE", "ROLLBACK":
		return true
	}
	return false
}
