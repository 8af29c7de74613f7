package postgres

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tenantry/tenants"
)

// budget limits the connections of all pools on a server. A pool takes a place in the budget for each
// connection, and waits in a queue if there is none. While somebody waits the budget is crowded;
// crowd.go describes how pools then give up places.
//
// Its lock is never held while calling a pool, because database/sql closes connections, which calls the
// budget, under a lock of its own.
type budget struct {
	limit int
	hold  time.Duration // how long a busy tenant keeps a connection that others wait for

	mu      sync.Mutex          // protects the fields below, and the fields of every share that say so
	pools   map[*share]struct{} // all open pools
	holders map[*share]struct{} // the pools that hold places
	active  int                 // number of pools that hold places or wait for one
	used    int                 // places
	waiters list.List           // of *waiter
	leaving int                 // connections that are being closed for the waiters

	crowded   bool
	crowdedAt time.Time // when somebody last waited
	width     int       // connections that each pool may have: the limit unless crowded
}

// waiter is an entry in the queue.
type waiter struct {
	share *share
	given chan struct{} // closed when the waiter gets its place
}

func newBudget(limit int) *budget {
	return &budget{
		limit: limit, width: limit, hold: time.Duration(limit) * changeTime,
		pools: map[*share]struct{}{}, holders: map[*share]struct{}{},
	}
}

// acquire takes a place, or waits for one until ctx ends. The caller must release it. Returns ErrBusy if
// ctx's deadline passed, or ctx's error if it was cancelled.
func (s *share) acquire(ctx context.Context) error {
	b := s.budget
	if w := b.enter(s); w != nil {
		b.reclaim()
		select {
		case <-w.given:
		case <-ctx.Done():
			if err := b.leave(ctx, w); err != nil {
				return err
			}
		}
	}
	now := time.Now().UnixNano()
	s.touched.Store(now)
	s.dialled.Store(now)
	return nil
}

// enter takes a place and returns nil, or returns a new waiter.
func (b *budget) enter(s *share) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used < b.limit && b.waiters.Len() == 0 {
		b.used++
		s.count(1, 0)
		return nil
	}
	w := &waiter{s, make(chan struct{})}
	b.waiters.PushBack(w)
	s.count(0, 1)
	b.crowdedAt = time.Now()
	if !b.crowded {
		b.crowded = true
		go b.watchCrowd()
	}
	return w
}

// leave removes a waiter from the queue. It returns nil if the waiter got its place meanwhile.
func (b *budget) leave(ctx context.Context, w *waiter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := b.waiters.Front(); e != nil; e = e.Next() {
		if e.Value == any(w) {
			b.waiters.Remove(e)
			w.share.count(0, -1)
			return refusal(context.Cause(ctx))
		}
	}
	return nil
}

func refusal(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("wait for a connection: %w: %w", tenants.ErrBusy, cause)
	}
	return fmt.Errorf("wait for a connection: %w", cause)
}

// release gives a place to the first waiter, or back to the budget. surrendered means that surrender has
// counted the connection as leaving.
func (s *share) release(surrendered bool) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if surrendered {
		b.leaving--
	}
	s.count(-1, 0)
	first := b.waiters.Front()
	if first == nil {
		b.used--
		return
	}
	w := b.waiters.Remove(first).(*waiter)
	w.share.count(1, -1)
	close(w.given)
}

// count records that the share got or lost places, and that waiters came or went. The caller holds the
// budget's lock.
func (s *share) count(places, waiters int) {
	b := s.budget
	before := s.places + s.waiters
	s.places += places
	s.waiters += waiters
	switch after := s.places + s.waiters; {
	case before == 0 && after > 0:
		b.active++
	case before > 0 && after == 0:
		b.active--
	}
	if s.places > 0 {
		b.holders[s] = struct{}{}
	} else {
		delete(b.holders, s)
	}
}
