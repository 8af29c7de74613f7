package migrate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

// Statement is a statement of a migration, as the database is about to run it.
type Statement struct {
	Text string
	// Transaction reports whether it runs in the migration's transaction.
	Transaction bool
	// Session runs other statements on the same connection and in the same transaction.
	Session *sql.DB
	// Run runs the statement and returns the number of rows that it changed.
	Run func() (rows int64, err error)
}

// Observer is called for each statement of a migration, which it must run. The migration fails with its error.
type Observer func(ctx context.Context, s Statement) error

// Observe returns a pool of one connection that hands each statement of a migration to the observer. What else goes
// over the connection, such as the records of applied migrations, passes by it. The caller must close the pool.
func Observe(c driver.Connector, observe Observer) *sql.DB {
	db := sql.OpenDB(observedConnector{c, observe})
	db.SetMaxOpenConns(1)
	return db
}

type observedConnector struct {
	driver.Connector
	observe Observer
}

// Connect opens an observed connection.
func (c observedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(rawConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("driver's %T can't be observed", opened), opened.Close())
	}
	session := sql.OpenDB(lender{c.Connector, conn})
	session.SetMaxOpenConns(1)
	return &observedConn{rawConn: conn, session: session, observe: c.observe}, nil
}

// rawConn is the set of interfaces that the drivers' connections implement.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type observedConn struct {
	rawConn
	session     *sql.DB
	observe     Observer
	transaction bool // one is open
}

var (
	_ driver.ExecerContext     = (*observedConn)(nil)
	_ driver.ConnBeginTx       = (*observedConn)(nil)
	_ driver.NamedValueChecker = (*observedConn)(nil)
)

// ExecContext hands a migration's statement to the observer. goose's own statements have arguments, or are about its
// table of versions.
func (c *observedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (result driver.Result, err error) {
	if len(args) > 0 || strings.Contains(query, goose.DefaultTablename) {
		return c.rawConn.ExecContext(ctx, query, args)
	}
	err = c.observe(ctx, Statement{Text: query, Transaction: c.transaction, Session: c.session, Run: func() (int64, error) {
		result, err = c.rawConn.ExecContext(ctx, query, nil)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}})
	return result, err
}

// BeginTx begins a transaction.
func (c *observedConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.rawConn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	c.transaction = true
	return observedTx{tx, c}, nil
}

// CheckNamedValue leaves the driver's own check in force.
func (c *observedConn) CheckNamedValue(v *driver.NamedValue) error {
	return checkNamedValue(c.rawConn, v)
}

// Close closes the connection.
func (c *observedConn) Close() error { return errors.Join(c.session.Close(), c.rawConn.Close()) }

type observedTx struct {
	driver.Tx
	conn *observedConn
}

// Commit ends the transaction.
func (t observedTx) Commit() error { t.conn.transaction = false; return t.Tx.Commit() }

// Rollback ends the transaction.
func (t observedTx) Rollback() error { t.conn.transaction = false; return t.Tx.Rollback() }

// lender is the connector of a pool over a connection that is another pool's.
type lender struct {
	driver.Connector
	conn rawConn
}

// Connect returns the connection.
func (l lender) Connect(context.Context) (driver.Conn, error) { return lentConn{l.conn}, nil }

// lentConn has only the methods that leave the connection as it is.
type lentConn struct{ conn rawConn }

var (
	_ driver.ExecerContext     = lentConn{}
	_ driver.QueryerContext    = lentConn{}
	_ driver.NamedValueChecker = lentConn{}
)

// Prepare calls the driver's Prepare.
func (l lentConn) Prepare(query string) (driver.Stmt, error) { return l.conn.Prepare(query) }

// Begin returns an error.
func (l lentConn) Begin() (driver.Tx, error) { return nil, errors.New("the connection is lent") }

// Close does nothing: the connection is its owner's.
func (l lentConn) Close() error { return nil }

// ExecContext calls the driver's ExecContext.
func (l lentConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return l.conn.ExecContext(ctx, query, args)
}

// QueryContext calls the driver's QueryContext.
func (l lentConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return l.conn.QueryContext(ctx, query, args)
}

// CheckNamedValue calls the driver's.
func (l lentConn) CheckNamedValue(v *driver.NamedValue) error { return checkNamedValue(l.conn, v) }

func checkNamedValue(conn driver.Conn, v *driver.NamedValue) error {
	if checker, ok := conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}
