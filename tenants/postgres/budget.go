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

// budget holds the connections of all pools on a server to a limit. Whoever
// finds no place waits in a queue. While somebody waits the budget is crowded:
// see crowd.go for how those who have places give them up.
//
// Its lock is never held while a pool is called, because database/sql closes
// connections, which come back here, under a lock of its own.
type budget struct {
	limit int
	hold  time.Duration // how long a tenant that has work keeps a connection from others

	mu      sync.Mutex          // guards what follows, and the fields of every share that say so
	pools   map[*share]struct{} // of all open pools
	holders map[*share]struct{} // of those that hold places
	active  int                 // pools that hold places or wait for one
	used    int
	waiters list.List // of *waiter
	leaving int       // connections that are being closed for the waiters

	crowded   bool
	crowdedAt time.Time // when somebody waited last
	width     int       // how many connections a pool may have: the limit unless crowded
}

// waiter is a place in the queue.
type waiter struct {
	share *share
	given chan struct{} // closed when the place is
}

func newBudget(limit int) *budget {
	return &budget{
		limit: limit, width: limit, hold: time.Duration(limit) * changeTime,
		pools: map[*share]struct{}{}, holders: map[*share]struct{}{},
	}
}

// acquire takes a place, or waits for one as long as ctx allows. The caller
// gives it back with release. It returns ErrBusy when ctx's deadline passed,
// ctx's error when it was cancelled.
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

// enter takes a place and returns nil, or a place in the queue.
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

// leave gives up a place in the queue, unless the place itself came meanwhile.
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

// release gives a place back, to the first in the queue. surrendered says that
// surrender counted it.
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

// count notes places that the share has got or lost, and waiters that came or
// went. The budget's lock is held.
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
