package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// dsn returns a data source name that both drivers accept. _stmt_cache_size is for mattn's driver;
// modernc's needs _time_format and _timezone to store times as mattn's does. Each ignores the other's. An option in params
// takes precedence over the default, because the first one counts.
func dsn(path, params string) string {
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	return name + "?" + params + "&_foreign_keys=1&_busy_timeout=1000&_stmt_cache_size=16&_time_format=sqlite&_timezone=UTC"
}

// connector opens connections with the built-in driver.
type connector struct {
	dsn     string
	guarded bool    // for scopes: refuses ATTACH and several statements at once, and distrusts the file's schema
	file    *fileAt // the file that must be at the path; nil to skip the check
	verify  func(ctx context.Context, c rawConn) error
}

var _ driver.Connector = connector{}

// rawConn is the set of interfaces that both drivers' connections implement.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
}

// Connect opens a connection, restricts it as configured, and verifies the file.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.file != nil {
		if err := c.file.check(); err != nil {
			return nil, err
		}
	}
	opened, err := openConn(c.dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(rawConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("driver's %T can't be used", opened), opened.Close())
	}
	if err := c.prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if c.file != nil {
		watched, err := newWatchedConn(conn, c.file)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = watched
	}
	if c.guarded {
		return &scopedConn{raw: conn}, nil
	}
	return conn, nil
}

func (c connector) prepare(ctx context.Context, conn rawConn) error {
	if c.guarded {
		if err := guard(conn); err != nil {
			return err
		}
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA trusted_schema=OFF", nil); err != nil {
			return err
		}
	}
	if c.verify == nil {
		return nil
	}
	if err := c.verify(ctx, conn); err != nil || !c.guarded {
		return err
	}
	// The pages with the schema and the identity, half of what a connection would keep, aren't needed again.
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA shrink_memory", nil)
	return err
}

// Driver returns the built-in driver.
func (c connector) Driver() driver.Driver { return builtDriver() }

const (
	// applicationID marks a file as a tenant's database. It spells "TnRy".
	applicationID = 0x546e5279
	// identityTable contains the id of the tenant that owns the file. It belongs to the engine, not
	// to the application's schema.
	identityTable = "tenantry_identity"
)

// ownedBy returns a function that returns ErrUnavailable if the connection's file is not t's.
func ownedBy(t *tenants.Tenant) func(context.Context, rawConn) error {
	return func(ctx context.Context, conn rawConn) error { return verifyIdentity(ctx, conn, t.ID) }
}

func verifyIdentity(ctx context.Context, conn rawConn, id string) error {
	var application, owner any
	err := queryRow(ctx, conn, "SELECT application_id, tenant_id"+fromIdentity, &application, &owner)
	if err != nil {
		return unavailable(fmt.Errorf("read identity: %w", err))
	}
	return checkIdentity(application, owner, id)
}

const fromIdentity = " FROM pragma_application_id, " + identityTable

// ownedAndServable is like ownedBy. The function that it returns also sets the database's schema version.
func ownedAndServable(t *tenants.Tenant, version *atomic.Int64) func(context.Context, rawConn) error {
	const query = "SELECT application_id, tenant_id, (" + migrate.CurrentQuery + ")" + fromIdentity
	return func(ctx context.Context, conn rawConn) error {
		var application, owner, current any
		if err := queryRow(ctx, conn, query, &application, &owner, &current); err != nil {
			return unavailable(fmt.Errorf("read identity and schema version: %w", err))
		}
		number, ok := current.(int64)
		if !ok {
			return fmt.Errorf("%w: the file has no schema version", tenants.ErrUnavailable)
		}
		version.Store(number)
		return checkIdentity(application, owner, t.ID)
	}
}

func checkIdentity(application, owner any, id string) error {
	if application != int64(applicationID) || owner != id {
		return fmt.Errorf("%w: the file is that of %v (application %v)", tenants.ErrUnavailable, owner, application)
	}
	return nil
}

// queryRow reads one row from a raw connection. The connection doesn't keep the statement.
func queryRow(ctx context.Context, conn rawConn, query string, into ...*any) error {
	statement, err := conn.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer statement.Close()
	asked, ok := statement.(driver.StmtQueryContext)
	if !ok {
		return fmt.Errorf("driver's %T can't be used", statement)
	}
	rows, err := asked.QueryContext(ctx, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	values := make([]driver.Value, len(into))
	if err := rows.Next(values); err != nil {
		return err // io.EOF: no row
	}
	for i, value := range values {
		*into[i] = value
	}
	return nil
}
