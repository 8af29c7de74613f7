package postgres

import (
	"container/list"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

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

// lender lends connections, each of which has a slot. A tenant's slots stand in an order that begins with one of its own, and
// it mostly uses the first ones: a server's session keeps in memory what it has read about each tenant's tables, and first reads
// it, which costs as much as a transaction. It is safe for concurrent use.
type lender struct {
	budget *budget
	slots  []*slot
}

// slot is the place of a connection.
type slot struct {
	lender *lender
	number int
	pool   *share       // of at most one connection
	users  atomic.Int32 // transactions that have the connection, or wait for it

	waiters [classes]list.List // of *waiter, whose home it is, by class; protected by the lock of the turns' budget
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
	made := &lender{budget: s.budget}
	for i := range s.MaxConnections(1) {
		pool := s.budget.openPool(connector{server: login, database: database, scoped: true, lent: true}, people, 1)
		made.slots = append(made.slots, &slot{lender: made, number: i, pool: pool})
	}
	if l.byVersion == nil {
		l.byVersion = map[int64]*lender{}
	}
	l.byVersion[t.SchemaVersion] = made
	return made, nil
}

// width returns how many slots are in use if there may be so many connections.
func (l *lender) width(limit int) int { return min(len(l.slots), max(1, limit)) }

// home returns the first slot in the order of the tenant with that hash.
func (l *lender) home(hash uint64, limit int) *slot {
	return l.slots[hash%uint64(l.width(limit))]
}

// take returns a slot for a transaction of the tenant with that hash: the first one in the tenant's order that is free. There
// is one, since no more transactions have turns than there are slots, except for a moment after this process was given fewer
// connections. The caller must leave the slot.
func (l *lender) take(hash uint64) *slot {
	l.budget.mu.Lock()
	limit := l.budget.limit
	l.budget.mu.Unlock()
	n, home := l.width(limit), l.home(hash, limit)
	for i := range n {
		if s := l.slots[(home.number+i)%n]; s.users.CompareAndSwap(0, 1) {
			return s
		}
	}
	home.users.Add(1)
	return home
}

// leave ends what take began.
func (s *slot) leave() { s.users.Add(-1) }

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
		for _, slot := range lender.slots {
			err = errors.Join(err, slot.pool.db.Close())
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
