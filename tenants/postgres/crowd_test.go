package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestCrowdedPoolsGetEvenParts has one tenant hold all connections when a
// second one comes, and the first one get back its width when that has left.
func TestCrowdedPoolsGetEvenParts(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 4
	e := newEngine(t, c)
	greedy := opened(t, e, made(t, e))
	transactions := make([]*gorm.DB, c.MaxConns)
	for i := range transactions {
		transactions[i] = over(e, greedy).Begin()
		if err := transactions[i].Error; err != nil {
			t.Fatal(err)
		}
	}
	modest := made(t, e)
	arrived := make(chan error)
	go func() {
		conns, err := e.Open(t.Context(), modest)
		if err == nil {
			err = conns.Close()
		}
		arrived <- err
	}()
	widthOf := func() int { return greedy.Write.Stats().MaxOpenConnections }
	waitFor(t, "the even part", func() bool { return widthOf() == 2 })
	for _, tx := range transactions {
		if err := tx.Commit().Error; err != nil {
			t.Error(err)
		}
	}
	if err := <-arrived; err != nil {
		t.Error(err)
	}
	waitFor(t, "the full width", func() bool { return widthOf() == 4 })
}

func TestPoolOpenedInACrowdIsNarrow(t *testing.T) {
	t.Parallel()
	b := newBudget(4)
	b.crowded, b.width = true, 1
	db := b.openPool(connector{}, people, 4).db
	defer db.Close()
	if got := db.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("%d connections", got)
	}
}

func TestSurrendersAreNoMoreThanWaiters(t *testing.T) {
	t.Parallel()
	b := newBudget(4)
	if b.surrender() {
		t.Error("surrendered to nobody")
	}
	b.waiters[people].PushBack(&waiter{})
	if !b.surrender() || b.surrender() {
		t.Error("one waiter did not get one connection")
	}
}

// TestLongTransactionDoesntBlockTheHandOver: the connection that was held longest doesn't come back, so that the
// one of another busy tenant is handed over.
func TestLongTransactionDoesntBlockTheHandOver(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 2
	e := newEngine(t, c)
	long := handle(t, e, made(t, e)).Begin()
	if long.Error != nil {
		t.Fatal(long.Error)
	}
	defer long.Rollback()
	busy, third := handle(t, e, made(t, e)), made(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			if err := busy.Exec("SELECT 1").Error; err != nil {
				t.Error(err)
				return
			}
		}
	})
	opened(t, e, third)
	cancel()
	working.Wait()
}

// TestRefusedAtOnce: who can't get a connection before its deadline is told so without a wait.
func TestRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	if err := unconnected(b).acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		s := unconnected(b)
		b.mu.Lock()
		b.push(&waiter{share: s, given: make(chan struct{})}, people)
		b.mu.Unlock()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	wantError(t, "acquire", unconnected(b).acquire(ctx), tenants.ErrBusy)
	if ctx.Err() != nil {
		t.Error("the refusal came with the deadline")
	}
}

// TestRefusalsFollowTheRate: the estimate is that of the rate at which waiters were served.
func TestRefusalsFollowTheRate(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	now := time.Now()
	for range 100 {
		b.push(&waiter{share: unconnected(b)}, people)
	}
	newcomer := unconnected(b)
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(time.Hour))
	defer cancel()
	if err := b.estimate(ctx, newcomer); err != nil {
		t.Errorf("without a rate: %v", err)
	}
	b.countServed(now)
	b.turns += 10
	b.countServed(now.Add(1001 * time.Millisecond))
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := b.estimate(soon, newcomer)
	var busy *tenants.BusyError
	if !errors.As(err, &busy) || busy.After < 9*time.Second || busy.After > 11*time.Second {
		t.Errorf("100 ahead at 10 a second, in 5 s: %v", err)
	}
	if err := b.estimate(ctx, newcomer); err != nil {
		t.Errorf("100 ahead at 10 a second, in an hour: %v", err)
	}
	b.waiters[people].Init()
	b.countServed(now.Add(1002 * time.Millisecond))
	if b.served != 0 {
		t.Errorf("%.1f are served a second though none waits", b.served)
	}
}

// TestLowerClassesDontStarve: people come before chores, chores before jobs, and jobs before migrations, except that each
// eighth place goes to a chore, each twelfth to a job and each sixteenth to a migration.
func TestLowerClassesDontStarve(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	for c := range class(classes) {
		for range 500 {
			b.push(&waiter{share: newShare(b, c, 1)}, c)
		}
	}
	serve := func(places int, want map[class]int) {
		t.Helper()
		served := map[class]int{}
		for range places {
			w, _ := b.nextWaiter()
			served[w.share.class]++
		}
		if !maps.Equal(served, want) {
			t.Errorf("served %v of %d, want %v", served, places, want)
		}
	}
	serve(240, map[class]int{people: 175, chores: 30, jobs: 20, migrations: 15})
	b.waiters[people].Init()
	serve(240, map[class]int{chores: 205, jobs: 20, migrations: 15})
	b.waiters[chores].Init()
	serve(240, map[class]int{jobs: 225, migrations: 15})
	b.waiters[jobs].Init()
	serve(455, map[class]int{migrations: 455})
	if w, _ := b.nextWaiter(); w != nil {
		t.Error("more were served than waited")
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// BenchmarkActiveTenants compares more tenants at work than there are connections with as many as have one
// each. Two callers of each tenant read a row in a transaction, over and over, and leave when they have
// waited for patience. The two take turns within a run, and it reports
//
//   - ratio: transactions a second, against a connection for each tenant;
//   - refused: of a thousand transactions;
//   - slowest: transactions of the median tenant, against those of the slowest.
func BenchmarkActiveTenants(b *testing.B) {
	const enough, rounds = 80, 3
	e := newEngine(b, config(b))
	var handles []*gorm.DB
	for _, count := range []int{100, 200, 1000} {
		b.Run(fmt.Sprint("tenants=", count), func(sub *testing.B) {
			for len(handles) < count {
				handles = append(handles, handle(b, e, made(b, e)))
			}
			for sub.Loop() {
				var few, many crowd
				for range rounds {
					few.work(sub, handles[:enough])
					many.work(sub, handles[:count])
				}
				sub.ReportMetric(float64(many.done())/float64(few.done()), "ratio")
				sub.ReportMetric(float64(few.done())/few.worked.Seconds(), "few/s")
				sub.ReportMetric(1000*float64(many.refused.Load())/float64(many.done()), "refused/1000")
				sub.ReportMetric(many.slowest(), "median/slowest")
			}
		})
	}
}

// BenchmarkEnoughConnections compares 200 tenants at work, on a server with a connection for each, with one tenant. It
// reports what BenchmarkActiveTenants does.
func BenchmarkEnoughConnections(b *testing.B) {
	const active, rounds = 200, 3
	e := newEngine(b, configAt(b, withConnections(b, 300)))
	handles := make([]*gorm.DB, active)
	for i := range handles {
		handles[i] = handle(b, e, made(b, e))
	}
	for b.Loop() {
		var one, many crowd
		for range rounds {
			one.work(b, handles[:1])
			many.work(b, handles)
		}
		b.ReportMetric(float64(many.done())/float64(one.done()), "ratio")
		b.ReportMetric(float64(one.done())/one.worked.Seconds(), "one/s")
		b.ReportMetric(1000*float64(many.refused.Load())/float64(many.done()), "refused/1000")
		b.ReportMetric(many.slowest(), "median/slowest")
	}
}

// withConnections returns the URL of a server that has so many connections.
func withConnections(b *testing.B, connections int) string {
	cluster := pgcluster.New(b)
	db, err := sql.Open("pgx", cluster.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(b.Context(), fmt.Sprint("ALTER SYSTEM SET max_connections = ", connections)); err != nil {
		b.Fatal(err)
	}
	cluster.Stop()
	cluster.Start()
	return cluster.URL()
}

// crowd is what tenants at work got done.
type crowd struct {
	worked  time.Duration
	byOne   []int64 // transactions by tenant
	refused atomic.Int64
}

func (c *crowd) done() (sum int64) {
	for _, n := range c.byOne {
		sum += n
	}
	return sum
}

func (c *crowd) slowest() float64 {
	sorted := slices.Sorted(slices.Values(c.byOne))
	return float64(sorted[len(sorted)/2]) / float64(max(1, sorted[0]))
}

// work lets tenants work for a while.
func (c *crowd) work(b *testing.B, handles []*gorm.DB) {
	const period = 5 * time.Second
	if c.byOne == nil {
		c.byOne = make([]int64, len(handles))
	}
	start := time.Now()
	var all sync.WaitGroup
	for i, db := range handles {
		for range 2 {
			all.Go(func() {
				for time.Since(start) < period {
					if err := c.try(b, i, db); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	c.worked += time.Since(start)
}

// try reads a row for a tenant. A refusal is no error.
func (c *crowd) try(b *testing.B, tenant int, db *gorm.DB) error {
	const impatience = 5 * time.Second
	ctx, cancel := context.WithTimeout(b.Context(), impatience)
	defer cancel()
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error })
	switch {
	case err == nil:
		atomic.AddInt64(&c.byOne[tenant], 1)
	case errors.Is(err, tenants.ErrBusy), ctx.Err() != nil:
		c.refused.Add(1)
		time.Sleep(time.Second) // Retry-After
	default:
		return err
	}
	return nil
}
