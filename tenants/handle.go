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

// handle is an open database: two clones of its engine's parsed base, one over
// the pool that writes and one over the pool that reads.
type handle struct {
	write, read *gorm.DB
	conns       *Conns
	// turn lets writers in one after another, first come first served, as far
	// as Write has connections: database/sql itself picks a waiter at random,
	// and leaves some to wait ten times as long as others.
	turn *semaphore.Weighted
	room *room // nil for any
}

func newHandle(base *gorm.DB, conns *Conns, room *room) *handle {
	writers := int64(conns.Write.Stats().MaxOpenConnections)
	if writers == 0 {
		writers = math.MaxInt64
	}
	return &handle{clone(base, conns.Write), clone(base, conns.Read), conns, semaphore.NewWeighted(writers), room}
}

// update runs f in a transaction of s when its turn has come, if there is room.
func (h *handle) update(ctx context.Context, s *scope, f Func) error {
	if err := h.room.check(ctx); err != nil {
		return err
	}
	if err := h.takeTurn(ctx, s); err != nil {
		return err
	}
	defer h.turn.Release(1)
	return h.room.explain(s.run(ctx, h.write, nil, f))
}

// takeTurn waits until the scope may write, unless it would wait for the one in
// which it was begun.
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

// view runs f in a read-only transaction of s.
func (h *handle) view(ctx context.Context, s *scope, f Func) error {
	return s.run(ctx, h.read, &sql.TxOptions{ReadOnly: true}, f)
}

// clone gives base a pool. A clone costs 5 µs where gorm.Open costs 197 µs
// (PITFALLS, GORM); everything parsed is shared.
func clone(base *gorm.DB, db *sql.DB) *gorm.DB {
	pool := beginner{db, base.Name() == "postgres"}
	cloned := base.Session(&gorm.Session{NewDB: true, Context: context.Background()})
	cloned.Config.ConnPool = pool
	cloned.Statement.ConnPool = pool
	return cloned
}

func (h *handle) close() error { return h.conns.Close() }
