package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"

	"tenantry/tenants"
)

// dsn is a data source name that both drivers read. mattn knows the
// _stmt_cache_size, modernc the _time_format and _timezone, which are mattn's; each passes
// over the other's.
func dsn(path, params string) string {
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	return name + "?_foreign_keys=1&_busy_timeout=1000&_stmt_cache_size=16&_time_format=sqlite&_timezone=UTC&" + params
}

// connector opens connections with the driver that was built in.
type connector struct {
	dsn     string
	guarded bool   // for scopes: no ATTACH, no trust in the file's schema, one statement at a time
	place   *place // where the file must be and stay; nil for anywhere
	verify  func(ctx context.Context, c rawConn) error
	bound   func(ctx context.Context, c rawConn) error // how large the file may grow
}

var _ driver.Connector = connector{}

// rawConn is what both drivers' connections do.
type rawConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
}

// Connect opens, guards and verifies a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.place != nil {
		if err := c.place.check(); err != nil {
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
	if c.place != nil {
		placed, err := newPlacedConn(conn, c.place)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = placed
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
		if _, err := conn.ExecContext(ctx, "PRAGMA trusted_schema=OFF", nil); err != nil {
			return err
		}
	}
	for _, step := range [...]func(context.Context, rawConn) error{c.verify, c.bound} {
		if step == nil {
			continue
		}
		if err := step(ctx, conn); err != nil {
			return err
		}
	}
	return nil
}

// Driver is the driver that was built in.
func (c connector) Driver() driver.Driver { return builtDriver() }

const (
	// applicationID marks a file as a tenant's database: "TnRy".
	applicationID = 0x546e5279
	// identityTable holds the id of the tenant to whom the file belongs. It is
	// the engine's, not the schema's.
	identityTable = "tenantry_identity"
)

// ownedBy returns ErrUnavailable for a connection to a file that is not t's.
func ownedBy(t *tenants.Tenant) func(context.Context, rawConn) error {
	return func(ctx context.Context, conn rawConn) error { return verifyIdentity(ctx, conn, t.ID) }
}

func verifyIdentity(ctx context.Context, conn rawConn, id string) error {
	var application, owner any
	err := queryRow(ctx, conn, "SELECT application_id, tenant_id FROM pragma_application_id, "+identityTable, &application, &owner)
	if err != nil {
		return unavailable(fmt.Errorf("read identity: %w", err))
	}
	if application != int64(applicationID) || owner != id {
		return fmt.Errorf("%w: the file is that of %v (application %v)", tenants.ErrUnavailable, owner, application)
	}
	return nil
}

// queryRow reads one row of a raw connection.
func queryRow(ctx context.Context, conn rawConn, query string, into ...*any) error {
	rows, err := conn.QueryContext(ctx, query, nil)
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
