package postgres

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tenantry/tenants"
)

// budget limits the connections of all pools on a server. A pool takes a place in the budget for each
// connection, and waits in a queue if there is none. While pools wait the budget is crowded;
// crowd.go describes how pools then give up places.
//
// Its lock is never held while calling a pool, because database/sql closes connections, which calls the
// budget, under a lock of its own.
type budget struct {
	begun time.Time // the clock of its times, which goes on evenly when the machine's is set
	lends bool      // its places are turns of transactions, which cost nothing to hand over; turns.go

	mu      sync.Mutex          // protects the fields below, and the fields of every share that say so
	limit   int                 // places that there may be; division.go changes it
	demand  int                 // the most places that were used and waited for since demanded was called
	pools   map[*share]struct{} // all open pools
	holders map[*share]struct{} // the pools that hold places
	active  int                 // the weights of the pools that hold places or wait for one
	used    int                 // places
	classes [classes]classLoad
	waiters [classes]list.List // of *waiter, by class
	turns   uint64             // places given to waiters
	refused uint64             // waiters that got none
	leaving int                // connections that are being closed for the waiters

	contended time.Duration // how long tenants have waited; fair.go
	reckoned  time.Time     // when contended was reckoned

	freed *slot   // that of the turn that ends, until a waiter has it; turns.go
	usual float64 // the seconds that a turn takes, or 0 unless places are turns

	// served is how many waiters a second got a place while there were always some, or 0 if that isn't
	// known. It is that of the time before servedAt, when turns was servedTurns.
	served      float64
	servedAt    time.Time
	servedTurns uint64

	crowded   bool
	crowdedAt time.Time // when a tenant last waited
	width     int       // connections that each pool may have for a weight of 1: the limit unless crowded
	pace      pace

	// before is the time, as now returns it, from before which a connection must be for its busy tenant
	// to surrender it, or 0 if none has to. A connection that returns to its pool looks at it.
	before atomic.Int64
}

func newBudget(limit int) *budget {
	return &budget{
		limit: limit, begun: time.Now(), reckoned: time.Now(), width: limit, pace: newPace(time.Now()),
		pools: map[*share]struct{}{}, holders: map[*share]struct{}{},
	}
}

// now returns the nanoseconds since the budget was made.
func (b *budget) now() int64 { return int64(time.Since(b.begun)) }

// acquire takes a place, or waits for one until ctx ends. The caller must call connected or abandon, and after connected
// release. Returns a *tenants.BusyError if
// ctx's deadline passed or will pass before there is a place, or ctx's error if it was cancelled.
func (s *share) acquire(ctx context.Context) error {
	_, err := s.await(ctx)
	return err
}

// await is acquire. It also returns the waiter that got the place, or nil if there was one at once.
func (s *share) await(ctx context.Context) (*waiter, error) {
	b := s.budget
	w, err := b.enter(ctx, s)
	if err != nil {
		return nil, err
	}
	if w != nil {
		b.reclaim()
		begun := time.Now()
		err = w.wait(ctx)
		b.classes[w.class].waited.Add(time.Since(begun))
		if err != nil {
			return nil, err
		}
	}
	now := b.now()
	s.touched.Store(now)
	s.dialled.Store(now)
	return w, nil
}

// wait waits until w gets a place or ctx ends.
func (w *waiter) wait(ctx context.Context) error {
	for hurried := tenants.Hurried(ctx); ; hurried = nil {
		select {
		case <-w.given:
			return nil
		case <-hurried:
			w.share.hurry()
		case <-ctx.Done():
			return w.share.budget.leave(ctx, w)
		}
	}
}

// enter takes a place and returns nil, or returns a new waiter. Returns a *tenants.BusyError if a waiter couldn't get
// a place before ctx's deadline.
func (b *budget) enter(ctx context.Context, s *share) (*waiter, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(time.Now())
	s.join()
	if b.used < b.limit && b.waiting() == 0 {
		s.place(1, 0)
		s.dialling++
		return nil, nil
	}
	if err := b.estimate(ctx, s); err != nil {
		return nil, err
	}
	w := &waiter{share: s, given: make(chan struct{})}
	b.push(w, s.classOf(ctx))
	s.place(0, 1)
	b.crowd()
	return w, nil
}

// crowd makes the budget crowded. The caller holds the lock.
func (b *budget) crowd() {
	b.crowdedAt = time.Now()
	if !b.crowded {
		b.crowded = true
		go b.watchCrowd()
	}
}

// leave removes a waiter from the queue. It returns nil if the waiter got its place meanwhile.
func (b *budget) leave(ctx context.Context, w *waiter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(time.Now())
	if w.queued == nil {
		return nil
	}
	b.remove(w)
	w.share.place(0, -1)
	b.refused++
	w.share.returns = b.now() + int64(refusedTime)
	return b.refusal(w.share, w.class, context.Cause(ctx))
}

// refusal returns the error for a waiter of a class that cause made leave. The caller holds the lock.
func (b *budget) refusal(s *share, of class, cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		cause = &tenants.BusyError{After: b.expect(s, of), Limit: b.limit, Err: cause}
	}
	return fmt.Errorf("wait for a connection: %w", cause)
}

// late returns the error for a caller whose wait for a place left too little time to connect.
func (s *share) late(ctx context.Context) error {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	return s.budget.refusal(s, s.classOf(ctx), context.DeadlineExceeded)
}

// release gives back a place, which the first waiter gets. surrendered means that surrender has
// counted the connection as leaving.
func (s *share) release(surrendered bool) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if surrendered {
		b.leaving--
	}
	b.reckon(time.Now())
	s.place(-1, 0)
	b.serve()
}

// serve gives free places to waiters. The caller holds the lock.
func (b *budget) serve() {
	for b.used < b.limit {
		w, least := b.nextWaiter()
		if w == nil {
			return
		}
		w.share.place(1, -1)
		w.share.dialling++
		w.share.pay(w.class, least)
		b.handOver(w)
		close(w.given)
	}
}

// connected records that the connection for a place was made, and how long that took.
func (s *share) connected(took time.Duration) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.lends {
		b.pace.note(took)
	}
	b.reckon(time.Now())
	s.consume()
	s.dialling--
}

// abandon gives back a place for which no connection could be made.
func (s *share) abandon() {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reckon(time.Now())
	s.place(-1, 0)
	s.dialling--
	b.serve()
}

// place records that the share got or lost places, and that waiters came or went. The caller holds the
// budget's lock.
func (s *share) place(places, waiters int) {
	b := s.budget
	b.used += places
	before := s.places + s.waiters
	s.consume()
	s.places += places
	s.waiters += waiters
	b.classes[s.class].used += places
	b.demand = max(b.demand, b.used+b.waiting())
	switch after := s.places + s.waiters; {
	case before == 0 && after > 0:
		b.active += s.weight
	case before > 0 && after == 0:
		b.active -= s.weight
	}
	s.starved.Store(s.places == 0 && s.waiters > 0)
	if s.places > 0 {
		b.holders[s] = struct{}{}
	} else {
		delete(b.holders, s)
	}
}
