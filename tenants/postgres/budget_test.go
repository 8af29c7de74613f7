package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
)

func usedPlaces(e *Engine) int {
	e.budget.mu.Lock()
	defer e.budget.mu.Unlock()
	return e.budget.used
}

// TestManyTenantsShareFewConnections has more work at once, for more tenants,
// than there are connections. All of it gets done, and the server never sees
// more connections than were allowed.
func TestManyTenantsShareFewConnections(t *testing.T) {
	t.Parallel()
	const tenantCount, workers, rounds, limit = 20, 60, 5, 4
	c := config(t)
	c.MaxConns = limit
	c.URL = named(t, c.URL, "budget "+ulid.Make().String())
	e := newEngine(t, c)
	handles := make([]*gorm.DB, tenantCount)
	for i := range handles {
		handles[i] = handle(t, e, made(t, e))
	}
	stop := watchSessions(t, e, limit)

	var done atomic.Int64
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for round := range rounds {
				folder := notes.Folder{Name: fmt.Sprint(worker, " ", round)}
				err := handles[(worker+round)%tenantCount].Transaction(func(tx *gorm.DB) error { return tx.Create(&folder).Error })
				if err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	stop()
	if done.Load() != workers*rounds {
		t.Errorf("%d of %d transactions done", done.Load(), workers*rounds)
	}
	if used := usedPlaces(e); used > limit {
		t.Errorf("%d places of %d in use", used, limit)
	}
}

// named adds an application's name to a URL, by which sessions are told apart.
func named(t *testing.T, server, application string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("application_name", application)
	u.RawQuery = query.Encode()
	return u.String()
}

// watchSessions counts the sessions of e's tenants over and over, until the
// function that it returns is called.
func watchSessions(t *testing.T, e *Engine, limit int) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	admin := openAdmin(e.server)
	ended := make(chan int)
	go func() {
		most := 0
		for ctx.Err() == nil {
			var n int
			err := admin.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
				WHERE datname LIKE 't\_%' AND application_name = $1`, e.server.RuntimeParams["application_name"]).Scan(&n)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			most = max(most, n)
		}
		ended <- most
	}()
	return func() {
		t.Helper()
		cancel()
		most := <-ended
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
		if most == 0 || most > limit {
			t.Errorf("the server saw %d connections, want 1 to %d", most, limit)
		}
	}
}

// full is an engine with one place, and the transaction that holds it.
func full(t *testing.T) (*Engine, *gorm.DB) {
	t.Helper()
	c := config(t)
	c.MaxConns = 1
	e := newEngine(t, c)
	holder := handle(t, e, made(t, e)).Begin()
	if holder.Error != nil {
		t.Fatal(holder.Error)
	}
	t.Cleanup(func() { holder.Rollback() })
	return e, holder
}

func TestNoConnectionInTimeIsBusy(t *testing.T) {
	t.Parallel()
	e, holder := full(t)
	other := made(t, e)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Open(ctx, other)
	wantError(t, "open", err, tenants.ErrBusy, context.DeadlineExceeded)

	holder.Rollback()
	opened(t, e, other) // its connection is taken from the tenant that has no work
}

func TestWaiterMayGoAway(t *testing.T) {
	t.Parallel()
	e, holder := full(t)
	other := made(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := e.Open(ctx, other)
		left <- err
	}()
	waitForQueue(t, e.budget, 1)
	cancel()
	wantError(t, "open", <-left, context.Canceled)
	waitForQueue(t, e.budget, 0)

	holder.Rollback()
	opened(t, e, other)
}

// waitForQueue returns when as many wait for a place.
func waitForQueue(t *testing.T, b *budget, want int) {
	t.Helper()
	waitFor(t, "the queue", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.waiting() == want
	})
}

// unconnected is a share of a pool without connections.
func unconnected(b *budget) *share {
	b.mu.Lock()
	defer b.mu.Unlock()
	return unconnectedLocked(b)
}

// unconnectedLocked is unconnected for a caller that holds the lock.
func unconnectedLocked(b *budget) *share {
	s := newShare(b, people, 1)
	s.width, s.db = 1, sql.OpenDB(connector{})
	b.pools[s] = struct{}{}
	return s
}

func TestPlacesAreGivenInOrder(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	first := unconnected(b)
	if err := first.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	const waiters = 10
	order := make(chan int, waiters)
	var all sync.WaitGroup
	for i := range waiters {
		s := unconnected(b)
		all.Go(func() {
			if err := s.acquire(t.Context()); err != nil {
				t.Error(err)
				return
			}
			order <- i
			s.release(false)
		})
		waitForQueue(t, b, i+1)
	}
	first.release(false)
	all.Wait()
	for want := range waiters {
		if got := <-order; got != want {
			t.Errorf("waiter %d came in place %d", got, want)
		}
	}
}

// TestPlacesAreNotLost has many ways in which a connection fails, and counts
// afterwards.
func TestPlacesAreNotLost(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 2
	e := newEngine(t, c)
	tenant, missing := made(t, e), unmade(t, e)
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Millisecond)
			defer cancel()
			if conns, err := e.Open(ctx, tenant); err == nil {
				_, _ = conns.Read.ExecContext(ctx, "SELECT pg_sleep(60)")
				conns.Close()
			}
			if _, err := e.Open(t.Context(), missing); err == nil {
				t.Error("opened a missing database")
			}
		})
	}
	all.Wait()
	waitForPlaces(t, e, 0)
	e.budget.mu.Lock()
	defer e.budget.mu.Unlock()
	if b := e.budget; b.leaving != 0 || b.active != 0 || len(b.holders) != 0 || len(b.pools) != 0 || b.waiting() != 0 {
		t.Errorf("left: %d leaving, %d active, %d holders, %d pools, %d waiters", b.leaving, b.active, len(b.holders), len(b.pools), b.waiting())
	}
}

// waitForPlaces returns when as many places are in use: a query that was broken
// off gives its place back once the server has noticed.
func waitForPlaces(t *testing.T, e *Engine, want int) {
	t.Helper()
	waitFor(t, "places", func() bool { return usedPlaces(e) == want })
}

// TestBusyTenantGivesItsConnectionsUp has one tenant use all connections
// without a pause, and expects another one to get in.
func TestBusyTenantGivesItsConnectionsUp(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.MaxConns = 4
	e := newEngine(t, c)
	greedy, modest := handle(t, e, made(t, e)), made(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := greedy.Exec("SELECT 1").Error; err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		conns := opened(t, e, modest)
		if err := over(e, conns).Exec("SELECT 1").Error; err != nil {
			t.Error(err)
		}
		conns.Close()
	}
	cancel()
	all.Wait()
}

func TestUnusedConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	conns := opened(t, e, made(t, e))
	if usedPlaces(e) != 1 {
		t.Fatalf("%d places in use", usedPlaces(e))
	}
	conns.Write.SetConnMaxIdleTime(time.Millisecond)
	waitForPlaces(t, e, 0)
	if err := over(e, conns).Exec("SELECT 1").Error; err != nil {
		t.Error(err)
	}
}
