package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest/pgcluster"
)

// TestTurnsFollowWeights has three tenants share two connections: one with short transactions and four times the weight, one
// with short ones, and one with long ones. The last two have connections for as long as each other.
func TestTurnsFollowWeights(t *testing.T) {
	t.Parallel()
	c := inSchemas(t, pgcluster.Database(t))
	c.MaxConns = 2
	e := newEngine(t, c)
	const short, long = 2, 8 // milliseconds
	var held [3]atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var callers sync.WaitGroup
	for i, takes := range []int64{short, short, long} {
		conns := opened(t, e, made(t, e))
		db := over(e, conns)
		if i == 0 {
			turns := e.layout.queue()
			s := shareOf(t, turns, conns.Write)
			turns.mu.Lock()
			s.setWeight(4)
			turns.mu.Unlock()
		}
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil {
					var begun time.Time
					err := db.Transaction(func(tx *gorm.DB) error {
						begun = time.Now()
						time.Sleep(time.Duration(takes) * time.Millisecond)
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
					held[i].Add(time.Since(begun).Microseconds()) // a loaded machine takes longer
				}
			})
		}
	}
	callers.Wait()
	heavy, light, slow := held[0].Load(), held[1].Load(), held[2].Load()
	if heavy < 2*light || slow > 2*light || light == 0 {
		t.Errorf("the heavy tenant had a connection for %d µs, the light one for %d, and the slow one for %d", heavy, light, slow)
	}
}
