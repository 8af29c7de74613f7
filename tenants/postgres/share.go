package postgres

import (
	"database/sql"
	"sync"
	"sync/atomic"
	"time"
)

// share is one pool's part of a budget.
type share struct {
	budget *budget
	db     *sql.DB
	full   int // how many connections the pool may have while there are enough

	touched atomic.Int64 // when a connection was last handed out or came back, in Unix nanoseconds
	dialled atomic.Int64 // when a place was last given

	resizing sync.Mutex // held while the pool is given the width

	// The budget's lock guards what follows.
	width    int // how many connections the pool may have now
	places   int // held
	waiters  int
	evicting bool
}

// openPool opens a pool of connections that count against the budget. It may
// have as many as full says, fewer while the budget is crowded.
func (b *budget) openPool(c connector, full int) *sql.DB {
	s := &share{budget: b, full: full}
	c.share = s
	s.db = sql.OpenDB(c)
	s.db.SetConnMaxIdleTime(idleTime)

	b.mu.Lock()
	b.pools[s] = struct{}{}
	s.width = min(full, b.width)
	b.mu.Unlock()
	s.resize()
	return s.db
}

// closed is called when the pool is closed. Its connections may be open yet.
func (s *share) closed() {
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	delete(s.budget.pools, s)
}

func (s *share) touch() { s.touched.Store(time.Now().UnixNano()) }

// resize has the pool keep to its width. Connections over it are closed as they
// come back.
func (s *share) resize() {
	s.resizing.Lock()
	defer s.resizing.Unlock()
	s.budget.mu.Lock()
	width := s.width
	s.budget.mu.Unlock()
	s.db.SetMaxOpenConns(width)
	s.db.SetMaxIdleConns(width)
}

// takeable is how many unused connections the pool has that others may have:
// it was not given one, or had no use for one, a moment ago.
func (s *share) takeable() int {
	now := time.Now().UnixNano()
	idle := now-s.touched.Load() >= int64(graceTime)
	held := now-s.dialled.Load() >= int64(s.budget.hold)
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
	s.db.SetMaxIdleConns(s.full) // the pool keeps it under what may be open
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.evicting = false
	s.budget.leaving -= n
}
