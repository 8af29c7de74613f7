package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"
)

// handle is an open tenant database: two clones of the engine's base, one over the pool for writing
// and one over the pool for reading.
type handle struct {
	write, read *gorm.DB
	conns       *Conns
	// turn admits as many writers as Write has connections, first come, first served. database/sql
	// picks a waiter at random, which makes some wait ten times as long as others.
	turn  *semaphore.Weighted
	quota *quota // nil if unlimited
	lane  *lane  // nil for a database whose scopes need no fair turn
	// values are what caches keep of the tenant; nil for the master.
	values *values
}

func newHandle(base *gorm.DB, conns *Conns, quota *quota, lane *lane, values *values) *handle {
	writers := int64(conns.Write.Stats().MaxOpenConnections)
	if writers == 0 {
		writers = math.MaxInt64
	}
	return &handle{
		clone(base, conns.Write, conns.Admit, values), clone(base, conns.Read, conns.Admit, values), conns, semaphore.NewWeighted(writers), quota, lane, values,
	}
}

// update runs f in a transaction of s, once it may write and if there is room.
func (h *handle) update(ctx context.Context, s *scope, f Func) error {
	if err := h.quota.check(ctx, s.limits.Size); err != nil {
		return err
	}
	if err := h.takeTurn(ctx, s); err != nil {
		return err
	}
	defer h.turn.Release(1)
	if h.conns.Place != InProcess { // where a tenant writes in one scope at a time, and waits for the disk most of it
		if err := h.lane.enter(ctx, &s.turn); err != nil {
			return err
		}
		defer s.turn.leave()
	}
	return h.quota.explain(s.run(ctx, h.write, nil, f), s.limits.Size)
}

// takeTurn waits until the scope may write. Returns errNestedElsewhere if it would wait for the scope
// in which it was begun.
func (h *handle) takeTurn(ctx context.Context, s *scope) error {
	if h.turn.TryAcquire(1) {
		return nil
	}
	if runsIn(s.owner()) {
		return errNestedElsewhere
	}
	err := h.turn.Acquire(ctx, 1)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("wait to write: %w: %w", ErrBusy, err)
	}
	return err
}

// view runs f in a read-only transaction of s, once it is the tenant's turn, unless s has had a turn before.
func (h *handle) view(ctx context.Context, s *scope, f Func) error {
	if s.turn.stile == nil {
		if err := h.lane.enter(ctx, &s.turn); err != nil {
			return err
		}
		defer s.turn.leave()
	}
	return s.run(ctx, h.read, &sql.TxOptions{ReadOnly: true}, f)
}

// clone returns a copy of base that uses db. A clone costs 5 µs, gorm.Open 197 µs (PITFALLS, GORM),
// because everything parsed is shared.
func clone(base *gorm.DB, db *sql.DB, admit func(context.Context) error, values *values) *gorm.DB {
	isPostgres := base.Name() == "postgres"
	pool := beginner{db, isPostgres, isPostgres, admit, values}
	cloned := base.Session(&gorm.Session{NewDB: true, Context: context.Background()})
	cloned.Config.ConnPool = pool
	cloned.Statement.ConnPool = pool
	return cloned
}

func (h *handle) close() error { return h.conns.Close() }
