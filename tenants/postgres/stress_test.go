package postgres

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"tenantry/tenants"
)

// quiet returns when no place is used and no pool waits, and checks that nothing else is counted.
func quiet(t *testing.T, b *budget, pools int) {
	t.Helper()
	waitFor(t, "quiet", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.used == 0 && b.leaving == 0 && b.active == 0 && len(b.holders) == 0 && b.waiting() == 0
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.pools {
		if s.places != 0 || s.waiters != 0 || s.evicting {
			t.Errorf("share %+v", s)
		}
	}
	if len(b.pools) != pools {
		t.Errorf("%d pools, want %d", len(b.pools), pools)
	}
}

// TestPlacesUnderRandomLoad has waiters whose contexts end at about the time at which their places come.
func TestPlacesUnderRandomLoad(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		limit := 1 + round%4
		b := newBudget(limit)
		shares := make([]*share, 6)
		for i := range shares {
			shares[i] = unconnected(b)
			if i == 0 {
				shares[i].class = chores
			}
		}
		var all sync.WaitGroup
		for w := range 30 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
				for range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(3000))*time.Microsecond)
					if r.IntN(3) == 0 {
						cancel()
						ctx, cancel = context.WithCancel(t.Context())
						time.AfterFunc(time.Duration(r.IntN(2000))*time.Microsecond, cancel)
					}
					s := shares[r.IntN(len(shares))]
					if s.acquire(ctx) == nil {
						s.connected(0)
						b.mu.Lock()
						if b.used > limit {
							t.Errorf("%d used of %d", b.used, limit)
						}
						b.mu.Unlock()
						time.Sleep(time.Duration(r.IntN(300)) * time.Microsecond)
						s.touch()
						s.release(b.before.Load() > s.dialled.Load() && b.surrender())
					}
					cancel()
				}
			})
		}
		all.Wait()
		quiet(t, b, len(shares))
		waitFor(t, "before", func() bool { return b.before.Load() == 0 })
	}
}

// TestConnectionsUnderRandomLoad opens and closes pools while their connections wait, break and are cancelled.
func TestConnectionsUnderRandomLoad(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 3, 7} {
		c := config(t)
		c.MaxConns = limit
		e := newEngine(t, c)
		var list []*tenants.Tenant
		for range 5 {
			list = append(list, made(t, e))
		}
		var all sync.WaitGroup
		for w := range 24 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(limit), uint64(w)))
				for range 12 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(5+r.IntN(400))*time.Millisecond)
					conns, err := e.Open(ctx, list[r.IntN(len(list))])
					if err == nil {
						var inner sync.WaitGroup
						for range 1 + r.IntN(6) {
							kind := r.IntN(5)
							inner.Go(func() { work(ctx, conns.Write, kind) })
						}
						if r.IntN(3) > 0 {
							inner.Wait()
						}
						conns.Close() // sometimes while its connections wait
						inner.Wait()
					}
					cancel()
				}
			})
		}
		all.Wait()
		quiet(t, e.budget, 0)
	}
}

// work uses a pool in one of several ways, whose errors are expected.
func work(ctx context.Context, db *sql.DB, kind int) {
	switch kind {
	case 0:
		_, _ = db.ExecContext(ctx, "SELECT pg_sleep(0.5)")
	case 1:
		tx, err := db.BeginTx(ctx, nil)
		if err == nil {
			_, _ = tx.ExecContext(ctx, "SELECT pg_sleep(0.01)")
			_ = tx.Rollback()
		}
	case 2:
		_, _ = db.ExecContext(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")
	default:
		for range 10 {
			_, _ = db.ExecContext(ctx, "SELECT 1")
		}
	}
}
