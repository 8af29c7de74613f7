package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// session is a transaction with its connection and its pool.
type session struct {
	db   *sql.DB // nil if the pool is another's
	conn *sql.Conn
	tx   *sql.Tx
}

// sessionSettings make every server read and write values alike, without a time limit, and return an error
// if a row security policy would hide rows.
const sessionSettings = `SET LOCAL row_security = off;
	SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 3;
	SET LOCAL client_encoding = 'UTF8'; SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = 0;
	SET LOCAL idle_in_transaction_session_timeout = 0`

// openSession connects and begins a transaction. The caller must close the session.
func openSession(ctx context.Context, c connector, options *sql.TxOptions) (*session, error) {
	return beginSession(ctx, sql.OpenDB(c), options)
}

// beginSession begins a transaction over a connection of db, which it closes after an error. The caller must close the
// session.
func beginSession(ctx context.Context, db *sql.DB, options *sql.TxOptions) (*session, error) {
	s, err := borrowSession(ctx, db, options)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	s.db = db
	return s, nil
}

// borrowSession begins a transaction over a connection of db, which gets it back when the caller closes the session.
func borrowSession(ctx context.Context, db *sql.DB, options *sql.TxOptions) (*session, error) {
	s := &session{}
	var err error
	if s.conn, err = db.Conn(ctx); err == nil {
		s.tx, err = s.conn.BeginTx(ctx, options)
	}
	if err == nil {
		_, err = s.tx.ExecContext(ctx, sessionSettings)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close rolls back the transaction unless it was committed. Nothing is lost if that fails.
func (s *session) close() {
	if s.tx != nil {
		_ = s.tx.Rollback()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
	if s.db != nil {
		_ = s.db.Close()
	}
}

// raw calls f with pgx's connection.
func (s *session) raw(f func(*pgconn.PgConn) error) error {
	return s.conn.Raw(func(driver any) error {
		switch c := driver.(type) {
		case *conn:
			return f(c.Conn.Conn().PgConn())
		case *countedConn:
			return f(c.Conn.Conn().PgConn())
		}
		return fmt.Errorf("driver's %T can't copy", driver)
	})
}

// openSource begins to read a source as it is at this moment, and returns its version, which is one that
// the migrations know. The caller must close the session.
func (e *Engine) openSource(ctx context.Context, url string) (from *session, version int64, err error) {
	server, err := sourceServer(url)
	if err != nil {
		return nil, 0, err
	}
	from, err = openSession(ctx, connector{server: server, database: server.Database},
		&sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, 0, sourceError(ctx, err)
	}
	version, err = migrate.Version(ctx, from.tx, Dialect, e.config.Schema.Migrations[Dialect])
	if err != nil {
		err = sourceError(ctx, err)
	} else {
		err = tenants.CheckVersion(version, e.version)
	}
	if err != nil {
		from.close()
		return nil, 0, err
	}
	return from, version, nil
}

// sourceServer parses the source's URL.
func sourceServer(url string) (*server, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, &tenants.SourceError{
			Reason: "the tenant's server is Postgres, so the source must be postgres://USER:PASSWORD@HOST:PORT/DATABASE",
		}
	}
	server, err := parseURL(url)
	var bad *URLError
	if errors.As(err, &bad) {
		return nil, &tenants.SourceError{Reason: "its URL can't be used: " + bad.Reason}
	}
	return server, err
}

// sourceError returns why a source can't be read.
func sourceError(ctx context.Context, err error) error {
	var refused *pgconn.PgError
	var failed *connectError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &refused):
		return refusedSource(refused)
	case errors.As(err, &failed):
		return &tenants.SourceError{Reason: "there is no connection to " + failed.address, Err: tenants.ErrUnavailable}
	case isDisconnect(err):
		return &tenants.SourceError{Reason: "its server closed the connection", Err: tenants.ErrUnavailable}
	}
	return &tenants.SourceError{Reason: "its server doesn't answer as Postgres does"}
}

// refusedSource returns what the source's server refused.
func refusedSource(err *pgconn.PgError) error {
	failure := &tenants.SourceError{}
	if sentinel := sentinelOfState(err.Code); !strings.HasPrefix(err.Code, "28") && err.Code != codeUnknownDatabase &&
		(errors.Is(sentinel, tenants.ErrUnavailable) || errors.Is(sentinel, tenants.ErrRetryable)) {
		failure.Err = tenants.ErrUnavailable
	}
	switch err.Code {
	case codeNoEntry, codeWrongPassword:
		failure.Reason = "its server refuses the user or the password"
	case codeUnknownDatabase:
		failure.Reason = "there is no database of that name on its server"
	case codeForbidden:
		failure.Reason = "the user may not connect to it, or may not read all rows of every table and sequence"
	case "55P03":
		failure.Reason = "another session has locked one of its tables"
	case codeNoConnections:
		failure.Reason = "its server has no connection left"
	case "57P01", "57P02", "57P03":
		failure.Reason = "its server is starting or stopping"
	default:
		failure.Reason = fmt.Sprintf("its server refused it (SQLSTATE %s)", err.Code)
	}
	return failure
}
