package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// lenders lend the connections of an engine's login role to its tenants, for a transaction each. Each lender serves the
// tenants of one schema version, because its connections keep descriptions of statements, which are the same for all of them.
// All share the budgets. It is safe for concurrent use.
type lenders struct {
	schemas *schemas

	mu        sync.Mutex // protects the fields below
	byVersion map[int64]*lender
}

// lender lends connections that are divided into lanes, each as wide as a tenant may use. A tenant uses mostly those of one
// lane: a server's session keeps in memory what it has read about each tenant's tables, and first reads it, which costs as
// much as a transaction. It is safe for concurrent use.
type lender struct {
	budget *budget
	width  int // of a lane
	lanes  []*share
}

// of returns the lender for the tenants of a schema version. The tenant is one of them.
func (l *lenders) of(ctx context.Context, t *tenants.Tenant) (*lender, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.byVersion[t.SchemaVersion]; known != nil {
		return known, nil
	}
	s := l.schemas
	login, database := s.logins, s.logins.Database
	if s.config.Pooler == "" {
		database = s.server.Database
	}
	own, err := l.hasTypes(ctx, t.Database)
	if err != nil {
		return nil, err
	}
	if own { // the number of a type differs in each schema
		login = login.Copy()
		login.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	}
	made := &lender{budget: s.budget, width: s.config.TenantConns}
	for range max(1, s.MaxConnections(1)/made.width) {
		made.lanes = append(made.lanes, s.budget.openPool(connector{server: login, database: database, scoped: true, lent: true}, people, made.width))
	}
	if l.byVersion == nil {
		l.byVersion = map[int64]*lender{}
	}
	l.byVersion[t.SchemaVersion] = made
	return made, nil
}

// lane returns the lane for a transaction of the tenant with that hash: its own unless all connections of that are in use,
// and another one's are not. There are as many lanes as this process may have connections for.
func (l *lender) lane(hash uint64) *share {
	l.budget.mu.Lock()
	n := uint64(min(max(1, l.budget.limit/l.width), len(l.lanes)))
	l.budget.mu.Unlock()
	own, other := l.lanes[hash%n], l.lanes[(hash/n)%n]
	if own.isBusy() && !other.isBusy() {
		return other
	}
	return own
}

// isBusy reports whether all connections that the pool may have are in use.
func (s *share) isBusy() bool {
	now := s.db.Stats()
	return now.InUse >= now.MaxOpenConnections
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
	for _, lender := range l.byVersion {
		for _, lane := range lender.lanes {
			err = errors.Join(err, lane.db.Close())
		}
	}
	l.byVersion = nil
	return err
}

// open gives the handle a pool that borrows a connection for each transaction.
func (s *schemas) open(ctx context.Context, t *tenants.Tenant, of class) (*tenants.Conns, error) {
	lender, err := s.lenders.of(ctx, t)
	if err != nil {
		return nil, unavailable(err)
	}
	turns := s.turns.openBorrower(borrower{lender: lender, schema: t.Database, role: s.roleOf(t.Database)}, of, s.config.TenantConns)
	db := turns.db
	version, err := s.verifyLent(ctx, db, t.Database)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &tenants.Conns{Write: db, Read: db, Version: version, Place: placeOf(s.server.Host), Admit: turns.admit}, nil
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
