package postgres

import (
	"context"
	"database/sql"
	"testing"
	"testing/synctest"
	"time"
)

// TestWaitersGetWhatAPoolMayHaveMore: who waits for the only connection of a pool gets another one once the pool may have it, while
// the first is in use.
func TestWaitersGetWhatAPoolMayHaveMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(4)
		b.mu.Lock()
		s := unconnectedLocked(b)
		s.full = 4
		b.mu.Unlock()
		if err := s.db.Close(); err != nil {
			t.Fatal(err)
		}
		server := simulated{make(chan struct{}, 2)}
		s.db = sql.OpenDB(simulatedConnector{server, s, 0, func(time.Time) {}})
		defer s.db.Close()
		s.resize()
		held, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		const waiters = 3
		got := make(chan error)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range waiters {
			go func() {
				conn, err := s.db.Conn(ctx)
				got <- err
				<-ctx.Done()
				if err == nil {
					_ = conn.Close()
				}
			}()
		}
		synctest.Wait()
		b.mu.Lock()
		s.width = 4
		b.mu.Unlock()
		s.resize()
		for range waiters {
			if err := <-got; err != nil {
				t.Error(err)
			}
		}
	})
}
