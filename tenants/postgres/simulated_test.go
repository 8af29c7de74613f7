package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantry/tenants"
)

// simulated is a server with two processors in the time of a synctest bubble. Connecting and a transaction take some
// processor time, as on a real one.
type simulated struct{ processors chan struct{} }

const (
	simulatedConnect     = 5 * time.Millisecond
	simulatedTransaction = time.Millisecond
)

func (s simulated) work(d time.Duration) {
	s.processors <- struct{}{}
	time.Sleep(d)
	<-s.processors
}

// simulatedConnector is connector for a simulated server.
type simulatedConnector struct {
	simulated
	share *share
}

func (c simulatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.share.acquire(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	c.work(simulatedConnect)
	c.share.budget.note(time.Since(start))
	now := c.share.budget.now()
	c.share.dialled.Store(now)
	return &simulatedConn{c, countedConn{share: c.share, dialled: now}}, nil
}

func (simulatedConnector) Driver() driver.Driver { return nil }

// simulatedConn is countedConn for a simulated server.
type simulatedConn struct {
	server  simulatedConnector
	counted countedConn
}

func (*simulatedConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("no statements") }
func (c *simulatedConn) Begin() (driver.Tx, error)         { return c, nil }
func (c *simulatedConn) Commit() error                     { c.server.work(simulatedTransaction); return nil }
func (*simulatedConn) Rollback() error                     { return nil }

func (c *simulatedConn) Close() error {
	c.counted.share.release(c.counted.surrendered)
	return nil
}

func (c *simulatedConn) IsValid() bool {
	c.counted.share.touch()
	c.counted.surrendered = c.counted.isWanted()
	return !c.counted.surrendered
}

// crowding is what many tenants get done on a simulated server.
type crowding struct {
	mu   sync.Mutex
	done []int // transactions, by tenant
	// refused were told at once, late when their deadline had passed.
	refused, late int
}

// work has two callers of the tenant commit transactions over and over, until end.
func (c *crowding) work(all *sync.WaitGroup, tenant int, s *share, end time.Time) {
	for range 2 {
		all.Go(func() {
			for time.Now().Before(end) {
				if !c.try(tenant, s) {
					time.Sleep(time.Second)
				}
			}
		})
	}
}

func (c *crowding) try(tenant int, s *share) (done bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.admit(ctx)
	if err == nil {
		var tx *sql.Tx
		if tx, err = s.db.BeginTx(ctx, nil); err == nil {
			err = tx.Commit()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.done[tenant]++
	case errors.Is(err, tenants.ErrBusy) && ctx.Err() == nil:
		c.refused++
	default:
		c.late++
	}
	return err == nil
}

// simulate has tenants with these weights work on a server with so many connections.
func simulate(t *testing.T, limit int, weights []int) *crowding {
	t.Helper()
	c := &crowding{done: make([]int, len(weights))}
	synctest.Test(t, func(t *testing.T) {
		server, b := simulated{make(chan struct{}, 2)}, newBudget(limit)
		end := time.Now().Add(20 * time.Second)
		var all sync.WaitGroup
		for i, weight := range weights {
			s := newShare(b, people, 4)
			s.setWeight(weight)
			s.db = sql.OpenDB(simulatedConnector{server, s})
			s.db.SetConnMaxIdleTime(idleTime)
			b.mu.Lock()
			b.pools[s], s.width = struct{}{}, b.widthOf(s)
			b.mu.Unlock()
			s.resize()
			c.work(&all, i, s, end)
		}
		all.Wait()
		time.Sleep(calmTime + tickTime) // the goroutine that watches the crowd ends then
		for s := range b.pools {
			if err := s.db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return c
}

// TestACrowdIsServedFairly: of tenants that are ten times as many as connections, all get about the same done, and one
// with twice the weight gets more.
func TestACrowdIsServedFairly(t *testing.T) {
	t.Parallel()
	weights := slices.Repeat([]int{1}, 160)
	weights[0] = 2
	c := simulate(t, 16, weights)
	heavy, others := c.done[0], slices.Sorted(slices.Values(c.done[1:]))
	slowest, median := others[0], others[len(others)/2]
	if 2*slowest < median {
		t.Errorf("the slowest tenant got %d transactions done, and the median one %d", slowest, median)
	}
	if 2*heavy < 3*median {
		t.Errorf("with twice the weight a tenant got %d transactions done, and the median one %d", heavy, median)
	}
	t.Logf("slowest %d, median %d, fastest %d, twice the weight %d; refused %d, late %d", slowest, median, others[len(others)-1], heavy, c.refused, c.late)
}
