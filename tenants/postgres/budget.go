package postgres

import (
	"cmp"
	"container/list"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tenantry/tenants"
)

const (
	// holdTime is how long a tenant that has work keeps a connection from
	// others: connecting costs as much as tens of requests, and a server whose
	// connections change hands with every request does little else.
	holdTime = 100 * time.Millisecond
	// graceTime is how long a connection is unused before its tenant counts as
	// having no work.
	graceTime = 5 * time.Millisecond
)

// budget holds the connections of all pools on a server to a limit. Whoever
// finds no place waits in a queue; those who have one give it up in turn: when
// a connection comes back to its pool, and where it lies there unused, those
// of the pool used longest ago first.
type budget struct {
	limit int

	mu       sync.Mutex // guards what follows and every share's conns and evicting
	used     int
	waiters  list.List // of chan struct{}, closed when the place is given
	leaving  int       // connections that are being closed for the waiters
	shares   map[*share]struct{}
	sweeping bool
}

// share is one pool's part of a budget.
type share struct {
	budget *budget
	idle   int     // connections that the pool may keep unused
	db     *sql.DB // set before the first connection

	touched  atomic.Int64 // when a connection was last handed out or came back, in Unix nanoseconds
	dialled  atomic.Int64 // when a place was last given
	conns    int          // places held
	evicting bool
}

func newBudget(limit int) *budget {
	return &budget{limit: limit, shares: map[*share]struct{}{}}
}

func (b *budget) newShare(idle int) *share { return &share{budget: b, idle: idle} }

func (s *share) touch() { s.touched.Store(time.Now().UnixNano()) }

// acquire takes a place, or waits for one as long as ctx allows. The caller
// gives it back with release. It returns ErrBusy when ctx's deadline passed,
// ctx's error when it was cancelled.
func (s *share) acquire(ctx context.Context) error {
	given := s.budget.enter()
	if given != nil {
		s.budget.reclaim()
		select {
		case <-given:
		case <-ctx.Done():
			if err := s.budget.leave(ctx, given); err != nil {
				return err
			}
		}
	}
	s.hold()
	return nil
}

// enter takes a place and returns nil, or a place in the queue.
func (b *budget) enter() chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used < b.limit && b.waiters.Len() == 0 {
		b.used++
		return nil
	}
	given := make(chan struct{})
	b.waiters.PushBack(given)
	if !b.sweeping {
		b.sweeping = true
		go b.sweep()
	}
	return given
}

// leave gives up a place in the queue, unless the place itself came meanwhile.
func (b *budget) leave(ctx context.Context, given chan struct{}) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for e := b.waiters.Front(); e != nil; e = e.Next() {
		if e.Value == any(given) {
			b.waiters.Remove(e)
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

// hold counts a place that was given.
func (s *share) hold() {
	now := time.Now().UnixNano()
	s.touched.Store(now)
	s.dialled.Store(now)
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.conns++
	s.budget.shares[s] = struct{}{}
}

// release gives a place back, to the first in the queue.
func (s *share) release(surrendered bool) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if surrendered {
		b.leaving--
	}
	if s.conns--; s.conns == 0 {
		delete(b.shares, s)
	}
	first := b.waiters.Front()
	if first == nil {
		b.used--
		return
	}
	close(b.waiters.Remove(first).(chan struct{}))
}

// surrender says whether a connection that came back is to be closed for one
// who waits.
func (b *budget) surrender() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.leaving >= b.waiters.Len() {
		return false
	}
	b.leaving++
	return true
}

// sweep reclaims for as long as somebody waits: a connection may have become
// free to take by nothing but time.
func (b *budget) sweep() {
	for {
		b.reclaim()
		time.Sleep(graceTime)
		b.mu.Lock()
		if b.waiters.Len() == 0 {
			b.sweeping = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
	}
}

// reclaim has as many pools close their unused connections as there are
// waiters, those used longest ago first.
func (b *budget) reclaim() {
	shares, wanted := b.holders()
	slices.SortFunc(shares, func(x, y *share) int { return cmp.Compare(x.touched.Load(), y.touched.Load()) })
	for _, s := range shares {
		if wanted <= 0 {
			return
		}
		n := s.takeable()
		if n > 0 && s.startEviction(n) {
			wanted -= n
			go s.evict(n)
		}
	}
}

// holders are the shares with connections, and how many of these the waiters
// still need.
func (b *budget) holders() ([]*share, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wanted := b.waiters.Len() - b.leaving
	if wanted <= 0 {
		return nil, 0
	}
	shares := make([]*share, 0, len(b.shares))
	for s := range b.shares {
		shares = append(shares, s)
	}
	return shares, wanted
}

// takeable is how many unused connections the pool has that it was not given a
// moment ago. It must not be called under the budget's lock: database/sql
// closes connections under its own.
func (s *share) takeable() int {
	now := time.Now().UnixNano()
	idle := now-s.touched.Load() >= int64(graceTime)
	held := now-s.dialled.Load() >= int64(holdTime)
	if !idle && !held {
		return 0
	}
	return s.db.Stats().Idle
}

// startEviction says whether the caller is the one to evict n connections.
func (s *share) startEviction(n int) bool {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.evicting {
		return false
	}
	s.evicting = true
	b.leaving += n
	return true
}

// evict closes the pool's unused connections.
func (s *share) evict(n int) {
	s.db.SetMaxIdleConns(0)
	s.db.SetMaxIdleConns(s.idle)
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.evicting = false
	s.budget.leaving -= n
}
