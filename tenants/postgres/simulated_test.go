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
	slow  time.Duration         // what connecting takes beside the processor's time
	held  func(since time.Time) // called when a connection is closed
}

func (c simulatedConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.share.acquire(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	c.work(simulatedConnect)
	time.Sleep(c.slow)
	c.share.connected(time.Since(start))
	now := c.share.budget.now()
	c.share.dialled.Store(now)
	return &simulatedConn{c, countedConn{share: c.share, dialled: now}, start}, nil
}

func (simulatedConnector) Driver() driver.Driver { return nil }

// simulatedConn is countedConn for a simulated server.
type simulatedConn struct {
	server  simulatedConnector
	counted countedConn
	since   time.Time
}

func (*simulatedConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("no statements") }
func (c *simulatedConn) Begin() (driver.Tx, error)         { return c, nil }
func (c *simulatedConn) Commit() error                     { c.server.work(simulatedTransaction); return nil }
func (*simulatedConn) Rollback() error                     { return nil }

func (c *simulatedConn) Close() error {
	c.server.held(c.since)
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
	end  time.Time
	mu   sync.Mutex
	done []int           // transactions, by tenant
	held []time.Duration // for how long the tenant had connections before end
	// refused were told at once, late when their deadline had passed.
	refused, late int
}

// work has two callers of the tenant commit transactions over and over. In each they do nothing for a while.
func (c *crowding) work(all *sync.WaitGroup, tenant int, s *share, idle time.Duration) {
	for range 2 {
		all.Go(func() {
			for time.Now().Before(c.end) {
				if !c.try(tenant, s, idle) {
					time.Sleep(time.Second)
				}
			}
		})
	}
}

func (c *crowding) try(tenant int, s *share, idle time.Duration) (done bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.admit(ctx)
	if err == nil {
		var tx *sql.Tx
		if tx, err = s.db.BeginTx(ctx, nil); err == nil {
			time.Sleep(idle)
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

// keep counts a connection that a tenant had since then.
func (c *crowding) keep(tenant int, since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[tenant] += max(0, min(time.Since(since), c.end.Sub(since)))
}

// simulate has tenants with these weights work on a server with so many connections. idle is how long they do nothing in
// each transaction, and slow how much longer than others they take to connect.
func simulate(t *testing.T, limit int, weights []int, idle, slow []time.Duration) *crowding {
	t.Helper()
	c := &crowding{done: make([]int, len(weights)), held: make([]time.Duration, len(weights))}
	synctest.Test(t, func(t *testing.T) {
		server, b := simulated{make(chan struct{}, 2)}, newBudget(limit)
		c.end = time.Now().Add(20 * time.Second)
		var all sync.WaitGroup
		for i, weight := range weights {
			s := newShare(b, people, 4)
			s.setWeight(weight)
			s.db = sql.OpenDB(simulatedConnector{server, s, slow[i], func(since time.Time) { c.keep(i, since) }})
			s.db.SetConnMaxIdleTime(idleTime)
			b.mu.Lock()
			b.pools[s], s.width = struct{}{}, b.widthOf(s)
			b.mu.Unlock()
			s.resize()
			c.work(&all, i, s, idle[i])
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
// with twice the weight gets more. Those with long transactions have connections for not much longer than the others: if
// the first to come were the first served, it would be two to three times as long.
func TestACrowdIsServedFairly(t *testing.T) {
	t.Parallel()
	const long = 15 // tenants with long transactions, after the one with twice the weight
	weights, idle := slices.Repeat([]int{1}, 160), make([]time.Duration, 160)
	weights[0] = 2
	for i := 1; i <= long; i++ {
		idle[i] = 300 * time.Millisecond
	}
	c := simulate(t, 16, weights, idle, make([]time.Duration, 160))
	heavy, others := c.done[0], slices.Sorted(slices.Values(c.done[1+long:]))
	slowest, median := others[0], others[len(others)/2]
	if 2*slowest < median {
		t.Errorf("the slowest tenant got %d transactions done, and the median one %d", slowest, median)
	}
	if 2*heavy < 3*median {
		t.Errorf("with twice the weight a tenant got %d transactions done, and the median one %d", heavy, median)
	}
	held := slices.Sorted(slices.Values(c.held[1 : 1+long]))[long/2]
	usual := slices.Sorted(slices.Values(c.held[1+long:]))[len(others)/2]
	if 5*held > 9*usual {
		t.Errorf("tenants with long transactions had connections for %v, and others for %v", held, usual)
	}
	t.Logf("slowest %d, median %d, fastest %d, twice the weight %d; with long transactions %v, without %v; refused %d, late %d",
		slowest, median, others[len(others)-1], heavy, held, usual, c.refused, c.late)
}

// TestSlowConnectsAreNoLoss: a tenant that can't use its connection for a while, because it is still being made, gets about
// as much done as the others.
func TestSlowConnectsAreNoLoss(t *testing.T) {
	t.Parallel()
	const slow = 16
	weights, pauses := slices.Repeat([]int{1}, 160), make([]time.Duration, 160)
	for i := range slow {
		pauses[i] = 300 * time.Millisecond
	}
	c := simulate(t, 16, weights, make([]time.Duration, 160), pauses)
	unlucky, others := slices.Sorted(slices.Values(c.done[:slow])), slices.Sorted(slices.Values(c.done[slow:]))
	got, median := unlucky[slow/2], others[len(others)/2]
	if 4*got < 3*median {
		t.Errorf("tenants that connect slowly got %d transactions done, and others %d", got, median)
	}
	t.Logf("slow %d, others %d; slowest %d and %d", got, median, unlucky[0], others[0])
}
