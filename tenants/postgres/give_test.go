package postgres

import (
	"database/sql"
	"testing"
	"time"
)

// shareOf returns the share of an open pool.
func shareOf(t *testing.T, b *budget, db *sql.DB) *share {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.pools {
		if s.db == db {
			return s
		}
	}
	t.Fatal("the pool has no share")
	return nil
}

// TestPoolGivesNoMoreThanIsWanted has a pool with three unused connections give one.
func TestPoolGivesNoMoreThanIsWanted(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 3
	e := newEngine(t, c)
	pool := opened(t, e, made(t, e)).Write
	pool.SetConnMaxIdleTime(0)
	var held []*sql.Conn
	for range c.MaxConns {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := shareOf(t, e.budget, pool)
	if given := s.give(1); given != 1 {
		t.Errorf("gave %d", given)
	}
	waitFor(t, "the end of the eviction", func() bool {
		e.budget.mu.Lock()
		defer e.budget.mu.Unlock()
		return !s.evicting
	})
	if open := pool.Stats().OpenConnections; open != c.MaxConns-1 {
		t.Errorf("%d connections are open", open)
	}
}

// TestBudgetWithoutPoolsIsNotCrowded: the goroutine that watches a crowd ends with the last pool.
func TestBudgetWithoutPoolsIsNotCrowded(t *testing.T) {
	t.Parallel()
	b := newBudget(2)
	db := b.openPool(connector{}, people, 2).db
	b.crowded, b.crowdedAt = true, time.Now()
	if _, crowded := b.setWidths(); !crowded {
		t.Error("no longer crowded though a pool is open")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	shareless := len(b.pools) == 0
	if _, crowded := b.setWidths(); !shareless || crowded {
		t.Errorf("%d pools, crowded: %t", len(b.pools), crowded)
	}
}
