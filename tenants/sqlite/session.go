package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// scopedConn is a connection on which scopes run, whose SQL is the
// application's. The drivers run texts of several statements: a text that may
// be several is prepared instead, and of it nothing but the first can run. A
// statement that may leave something behind, such as a temporary table, has the
// connection closed when it comes back.
type scopedConn struct {
	raw   rawConn
	dirty bool
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

// Prepare is like PrepareContext.
func (c *scopedConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// errNoStatement: a text has none, or ends for SQLite where it doesn't for Go.
var errNoStatement = errors.New("the text is no SQL statement")

// PrepareContext prepares a statement. Texts of several are refused where they
// can be told.
func (c *scopedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	query, err := c.admit(query)
	if err != nil {
		return nil, err
	}
	if tenants.Several(query, false) {
		return nil, fmt.Errorf("%w: several at once", tenants.ErrForbiddenStatement)
	}
	return c.raw.PrepareContext(ctx, query)
}

// ExecContext runs a text that can be no more than one statement, and has
// others prepared.
func (c *scopedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if maySeveral(query) {
		return nil, driver.ErrSkip
	}
	query, err := c.admit(query)
	if err != nil {
		return nil, err
	}
	return c.raw.ExecContext(ctx, query, args)
}

// QueryContext is like ExecContext, for statements that return rows.
func (c *scopedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if maySeveral(query) {
		return nil, driver.ErrSkip
	}
	query, err := c.admit(query)
	if err != nil {
		return nil, err
	}
	return c.raw.QueryContext(ctx, query, args)
}

// maySeveral reports whether a text may be more than one statement. gorm's own
// never hold a semicolon: to prepare and close each would cost 23 allocations.
func maySeveral(query string) bool { return strings.Contains(query, ";") }

// admit returns the text of a statement without the blanks around it, and notes
// whether the connection is still as it was opened. The driver breaks on texts
// without a statement.
func (c *scopedConn) admit(query string) (string, error) {
	query = tenants.TrimBlank(query, false)
	if query == "" || strings.Contains(query, "\x00") {
		return "", errNoStatement
	}
	c.dirty = c.dirty || !isTraceless(query)
	return query, nil
}

// Begin is like BeginTx.
func (c *scopedConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx begins a transaction.
func (c *scopedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.raw.BeginTx(ctx, opts)
}

// Ping is the driver's.
func (c *scopedConn) Ping(ctx context.Context) error { return c.raw.Ping(ctx) }

// Close is the driver's.
func (c *scopedConn) Close() error { return c.raw.Close() }

// ResetSession does nothing: what is not clean never gets here.
func (c *scopedConn) ResetSession(context.Context) error { return nil }

// IsValid is false for a connection that is not as it was when it was opened.
func (c *scopedConn) IsValid() bool {
	if own, ok := c.raw.(driver.Validator); ok && !own.IsValid() {
		return false
	}
	raw, ok := c.raw.(interface{ AutoCommit() bool })
	return !c.dirty && (!ok || raw.AutoCommit())
}

// isTraceless reports whether a statement leaves nothing in the connection but
// rows in the file.
func isTraceless(query string) bool {
	switch tenants.Keyword(query, false) {
	case "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH", "VALUES", "SAVEPOINT", "RELEASE", "ROLLBACK":
		return true
	}
	return false
}
