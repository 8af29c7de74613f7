package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeOpener opens handles without a database, and counts them.
type fakeOpener struct {
	opened atomic.Int64
	fail   func(t *Tenant) error
	took   time.Duration
}

func (f *fakeOpener) open(_ context.Context, t *Tenant) (*handle, error) {
	f.opened.Add(1)
	time.Sleep(f.took) // the bubble's clock
	if f.fail != nil {
		if err := f.fail(t); err != nil {
			return nil, err
		}
	}
	db := sql.OpenDB(nil)
	return &handle{conns: &Conns{Write: db, Read: db}}, nil
}

// isClosed reports whether the handle's pool was closed.
func isClosed(h *handle) bool {
	// A nil connector can't connect: an open pool would panic.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := h.conns.Write.Conn(ctx)
	return err != nil && !errors.Is(err, context.Canceled)
}

func tenantNamed(name string) *Tenant {
	return &Tenant{ID: name, Subdomain: name, Epoch: 1}
}

func mustAcquire(t *testing.T, p *pool, name string) *entry {
	t.Helper()
	e, err := p.acquire(t.Context(), tenantNamed(name), 0)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestPoolOpensOnceHoweverManyAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opener := &fakeOpener{took: time.Second}
		p := newPool(2, time.Minute, opener.open)
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { p.release(mustAcquire(t, p, "acme")) })
		}
		group.Wait()
		if n := opener.opened.Load(); n != 1 {
			t.Errorf("opened %d times", n)
		}
		mustClosePool(t, p)
	})
}

func TestPoolEvictsTheIdleHandleUsedLongestAgo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opener := &fakeOpener{}
		p := newPool(2, time.Minute, opener.open)
		a, b := mustAcquire(t, p, "a"), mustAcquire(t, p, "b")
		p.release(b)
		p.release(a)
		p.release(mustAcquire(t, p, "c")) // evicts b
		synctest.Wait()
		if !isClosed(b.handle) || isClosed(a.handle) {
			t.Error("the handle used last was evicted, or none")
		}
		p.release(mustAcquire(t, p, "a"))
		if n := opener.opened.Load(); n != 3 {
			t.Errorf("opened %d times, want 3", n)
		}
		mustClosePool(t, p)
	})
}

func TestPoolNeverClosesALeasedHandle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Minute, (&fakeOpener{}).open)
		a := mustAcquire(t, p, "a")
		got := make(chan *entry)
		go func() { got <- mustAcquire(t, p, "b") }()
		synctest.Wait()
		if isClosed(a.handle) {
			t.Fatal("closed while leased")
		}
		p.release(a)
		b := <-got
		if !isClosed(a.handle) {
			t.Error("two handles are open where one may be")
		}
		p.release(b)
		mustClosePool(t, p)
	})
}

func TestPoolIsFairToTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Minute, (&fakeOpener{}).open)
		first := mustAcquire(t, p, "busy")
		got := make(chan *entry)
		go func() { got <- mustAcquire(t, p, "patient") }()
		synctest.Wait()
		// The busy tenant would always hold a lease, did it get new ones.
		again := make(chan *entry)
		go func() { again <- mustAcquire(t, p, "busy") }()
		synctest.Wait()
		p.release(first)
		patient := <-got
		p.release(patient)
		p.release(<-again)
		mustClosePool(t, p)
	})
}

func TestPoolRevivesADrainingHandleWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opener := &fakeOpener{}
		p := newPool(2, time.Minute, opener.open)
		a, b := mustAcquire(t, p, "a"), mustAcquire(t, p, "b")
		got := make(chan *entry)
		go func() { got <- mustAcquire(t, p, "c") }() // a, busy longest, drains
		synctest.Wait()
		p.release(b) // and b's slot serves c
		c := <-got
		if again := mustAcquire(t, p, "a"); again != a {
			t.Error("a second handle was opened beside the draining one")
		} else {
			p.release(again)
		}
		p.release(a)
		p.release(c)
		mustClosePool(t, p)
	})
}

func TestPoolGivesUpInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 3*time.Second, (&fakeOpener{}).open)
		a := mustAcquire(t, p, "a")
		begin := time.Now()
		_, err := p.acquire(t.Context(), tenantNamed("b"), 0)
		if !errors.Is(err, ErrBusy) || time.Since(begin) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.acquire(ctx, tenantNamed("b"), 0); !errors.Is(err, ErrBusy) {
			t.Errorf("at the caller's deadline: %v", err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if _, err := p.acquire(ctx, tenantNamed("b"), 0); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		p.release(a)
		p.release(mustAcquire(t, p, "b"))
		mustClosePool(t, p)
	})
}

func TestPoolSaysUnavailableWhenOpeningHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Second, (&fakeOpener{took: 5 * time.Second}).open)
		if _, err := p.acquire(t.Context(), tenantNamed("a"), 0); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		// The opening went on, for the next one.
		time.Sleep(5 * time.Second) // the bubble's clock
		p.release(mustAcquire(t, p, "a"))
		mustClosePool(t, p)
	})
}

// TestPoolOpensForAsLongAsItsCallersWait: callers who aren't hurried get a handle whose opening took long.
func TestPoolOpensForAsLongAsItsCallersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, 2*openTimeout, func(ctx context.Context, tenant *Tenant) (*handle, error) {
			select {
			case <-time.After(2*openTimeout - time.Second):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return (&fakeOpener{}).open(ctx, tenant)
		})
		p.release(mustAcquire(t, p, "a"))
		mustClosePool(t, p)
	})
}

func TestPoolForgetsWhatDidNotOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		opener := &fakeOpener{fail: func(t *Tenant) error {
			if t.ID == "bad" {
				return broken
			}
			return nil
		}}
		p := newPool(1, time.Minute, opener.open)
		for range 3 {
			if _, err := p.acquire(t.Context(), tenantNamed("bad"), 0); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		}
		p.release(mustAcquire(t, p, "good"))
		if p.size() != 1 {
			t.Errorf("%d slots taken, want 1", p.size())
		}
		mustClosePool(t, p)
	})
}

func TestPoolReopensWhenTheEpochGrew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3, time.Minute, (&fakeOpener{}).open)
		before := mustAcquire(t, p, "a")
		moved := tenantNamed("a")
		moved.Epoch = 2
		got := make(chan *entry)
		go func() {
			e, err := p.acquire(t.Context(), moved, 0)
			if err != nil {
				t.Error(err)
			}
			got <- e
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("a second handle of one tenant was opened while the first is leased")
		default:
		}
		p.release(before)
		after := <-got
		if after == before || !isClosed(before.handle) || after.tenant.Epoch != 2 {
			t.Error("the old handle was leased again")
		}
		p.release(after)
		mustClosePool(t, p)
	})
}

func TestPoolCloseDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, time.Minute, (&fakeOpener{}).open)
		a := mustAcquire(t, p, "a")
		p.release(mustAcquire(t, p, "b"))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close with a lease out: %v", err)
		}
		if _, err := p.acquire(t.Context(), tenantNamed("a"), 0); !errors.Is(err, ErrClosed) {
			t.Errorf("acquire after close: %v", err)
		}
		if isClosed(a.handle) {
			t.Error("closed while leased")
		}
		p.release(a)
		mustClosePool(t, p)
		if !isClosed(a.handle) {
			t.Error("not closed")
		}
	})
}

// TestPoolUnderLoad mixes everything, and checks what must always hold: the
// limit, and that no leased handle is closed.
func TestPoolUnderLoad(t *testing.T) {
	t.Parallel()
	opener := &fakeOpener{fail: func(t *Tenant) error {
		if t.ID == "t3" {
			return ErrUnavailable
		}
		return nil
	}}
	p := newPool(3, time.Minute, opener.open)
	var group sync.WaitGroup
	for worker := range 40 {
		group.Go(func() {
			for i := range 300 {
				tenant := tenantNamed(fmt.Sprintf("t%d", (worker*7+i)%12))
				tenant.Epoch = int64(1 + i/100)
				ctx, cancel := context.WithCancel(context.Background())
				if i%17 == 0 {
					cancel()
				}
				e, err := p.acquire(ctx, tenant, 0)
				cancel()
				switch {
				case err == nil && isClosed(e.handle):
					t.Error("leased handle is closed")
				case err == nil && e.tenant.ID != tenant.ID:
					t.Errorf("asked for %s, got %s", tenant.ID, e.tenant.ID)
				}
				if n := p.size(); n > 3 {
					t.Errorf("%d handles at once", n)
				}
				if err == nil {
					p.release(e)
				}
			}
		})
	}
	group.Wait()
	mustClosePool(t, p)
	if p.slots != 0 || p.closing != 0 || p.queue.len != 0 || p.idle.len != 0 || p.busy.len != 0 || len(p.entries) != 0 || len(p.draining) != 0 {
		t.Errorf("left over: %+v", p)
	}
}

func mustClosePool(t *testing.T, p *pool) {
	t.Helper()
	if err := p.close(context.Background()); err != nil {
		t.Error(err)
	}
}
