package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// lenders lend the connections of an engine's login role to its tenants, for a transaction each. Each lender serves the
// tenants of one schema version, because its connections keep descriptions of statements, which are the same for all of them.
// All share the budget. It is safe for concurrent use.
type lenders struct {
	schemas *schemas

	mu     sync.Mutex // protects the fields below
	shares map[int64]*share
}

// of returns the lender for the tenants of a schema version. The tenant is one of them.
func (l *lenders) of(ctx context.Context, t *tenants.Tenant) (*share, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.shares[t.SchemaVersion]; s != nil {
		return s, nil
	}
	login := l.schemas.logins
	own, err := l.hasTypes(ctx, t.Database)
	if err != nil {
		return nil, err
	}
	if own { // the number of a type differs in each schema
		login = login.Copy()
		login.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	}
	database := login.Database
	if l.schemas.config.Pooler == "" {
		database = l.schemas.server.Database
	}
	s := l.schemas.budget.openPool(connector{server: login, database: database, scoped: true, lent: true}, people, l.schemas.MaxConnections(1))
	if l.shares == nil {
		l.shares = map[int64]*share{}
	}
	l.shares[t.SchemaVersion] = s
	return s, nil
}

// hasTypes reports whether a schema has types of its own, apart from the tables' row types.
func (l *lenders) hasTypes(ctx context.Context, schema string) (has bool, err error) {
	err = l.schemas.admin.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_type JOIN pg_namespace n ON n.oid = typnamespace
		WHERE nspname = $1 AND typtype <> 'c' AND typelem = 0)`, schema).Scan(&has)
	return has, err
}

func (l *lenders) close() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.shares {
		err = errors.Join(err, s.db.Close())
	}
	l.shares = nil
	return err
}

// open gives the handle a pool that borrows a connection for each transaction.
func (s *schemas) open(ctx context.Context, t *tenants.Tenant, _ class) (*tenants.Conns, error) {
	lender, err := s.lenders.of(ctx, t)
	if err != nil {
		return nil, unavailable(err)
	}
	db := sql.OpenDB(borrower{lender, t.Database})
	db.SetMaxOpenConns(s.config.TenantConns)
	db.SetMaxIdleConns(s.config.TenantConns)
	version, err := s.verifyLent(ctx, db, t.Database)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &tenants.Conns{Write: db, Read: db, Version: version, Place: placeOf(s.server.Host), Admit: lender.admit}, nil
}

// verifyLent returns the schema version. It returns an error unless a scope of the tenant can begin and finds what migrations
// have made.
func (s *schemas) verifyLent(ctx context.Context, db *sql.DB, name string) (version int64, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		err = verify(ctx, tx, s.at(s.direct, name))
		if err == nil {
			version, err = migrate.Version(ctx, tx, Dialect, s.config.Schema.Migrations[Dialect])
		}
		_ = tx.Rollback() // nothing to undo
	}
	if err == nil {
		return version, nil
	}
	if live, kept, failure := s.find(ctx, name, trashName(name)); failure == nil && !live && !kept {
		return 0, fmt.Errorf("%w: %w: %w", tenants.ErrUnavailable, tenants.ErrNoDatabase, err)
	}
	return 0, unavailable(err)
}

// borrower is the connector of a tenant's pool.
type borrower struct {
	lender *share
	role   string // and schema
}

var _ driver.Connector = borrower{}

// Connect connects to nothing: a transaction borrows a connection when it begins.
func (b borrower) Connect(context.Context) (driver.Conn, error) { return &lent{borrower: b}, nil }

// Driver returns pgx's driver.
func (b borrower) Driver() driver.Driver { return connector{}.Driver() }
