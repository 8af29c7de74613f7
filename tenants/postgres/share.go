package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"sync/atomic"
	"time"
)

// share is one pool's part of a budget.
type share struct {
	budget *budget
	class  class
	db     *sql.DB
	full   int // connections that the pool may have unless the budget is crowded

	lender *lender // of a tenant's turns, and the hash of its schema; turns.go
	hash   uint64

	touched atomic.Int64 // when a connection was last handed out or returned, by the budget's clock
	dialled atomic.Int64 // when the share last got a place or connected, by the budget's clock

	weighed atomic.Int64 // the weight, for those who don't hold the lock
	starved atomic.Bool  // it holds nothing and waits

	resizing sync.Mutex // held while the pool is resized

	// The budget's lock protects the fields below.
	width    int // connections that the pool may have now
	places   int // that it holds
	dialling int // of these, for connections that aren't made yet
	waiters  int
	evicting bool

	weight   int           // of its tenant
	spent    float64       // what it has consumed: seconds of a connection, by weight
	returns  int64         // until when it counts as waiting because it was refused, by the budget's clock
	consumed time.Duration // of the budget's contended, up to where spent is reckoned
}

// openPool opens a pool of connections that count against the budget. It may have up to full connections,
// and fewer while the budget is crowded.
func (b *budget) openPool(c connector, of class, full int) *share {
	s := newShare(b, of, full)
	c.share = s
	s.open(c)
	return s
}

// open opens the share's pool.
func (s *share) open(c driver.Connector) {
	s.db = sql.OpenDB(c)
	s.db.SetConnMaxIdleTime(idleTime)

	b := s.budget
	b.mu.Lock()
	b.pools[s] = struct{}{}
	s.width = b.widthOf(s)
	b.mu.Unlock()
	s.resize()
}

func newShare(b *budget, of class, full int) *share {
	s := &share{budget: b, class: of, full: full}
	s.setWeight(1)
	return s
}

// closed is called when the pool was closed. Its connections may still be open.
func (s *share) closed() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	delete(s.budget.pools, s)
}

func (s *share) touch() { s.touched.Store(s.budget.now()) }

// resize limits the pool to its width. Connections above it are closed when they return.
func (s *share) resize() {
	s.resizing.Lock()
	defer s.resizing.Unlock()
	s.budget.mu.Lock()
	width := s.width
	s.budget.mu.Unlock()
	before := s.db.Stats()
	s.db.SetMaxOpenConns(width)
	if s.budget.lends {
		s.db.SetMaxIdleConns(-1) // they would be counted as connections, and cost nothing to make
	} else {
		s.db.SetMaxIdleConns(width)
	}
	if more := width - before.MaxOpenConnections; more > 0 && before.InUse > 0 && before.InUse >= before.MaxOpenConnections {
		go s.widen(more)
	}
}

// widen opens at most n connections, one after another, for transactions that wait in the pool. By itself a pool that may
// have more connections has them wait until one is returned (database/sql, SetMaxOpenConns).
func (s *share) widen(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	for range n {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return // the transactions that wait are no worse off
		}
		_ = conn.Close() // the first transaction that waits gets it
		if now := s.db.Stats(); now.Idle > 0 || now.OpenConnections >= now.MaxOpenConnections {
			return
		}
	}
}

// give closes at most n unused connections for waiters, and returns how many.
func (s *share) give(n int) int {
	n = min(n, s.db.Stats().Idle)
	if n == 0 || !s.startEviction(n) {
		return 0
	}
	go s.evict(n)
	return n
}

// startEviction reports whether the caller must evict n connections. It returns false if another caller
// does so already.
func (s *share) startEviction(n int) bool {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.evicting {
		return false
	}
	s.evicting = true
	b.leaving += n
	b.pace.spend(n)
	return true
}

// evict closes n of the pool's unused connections.
func (s *share) evict(n int) {
	s.db.SetMaxIdleConns(max(0, s.db.Stats().Idle-n))
	s.db.SetMaxIdleConns(s.full) // the pool limits it to MaxOpenConns
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.evicting = false
	s.budget.leaving -= n
}
