package tenants

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestHandlesAreListed in both orders, bounded; what opens, waits or closes isn't among them.
func TestHandlesAreListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(5, time.Minute, (&fakeOpener{took: time.Second}).open)
		start := time.Now()
		old, recent := mustAcquire(t, p, "old"), mustAcquire(t, p, "recent")
		leased := []*entry{mustAcquire(t, p, "one"), mustAcquire(t, p, "two"), mustAcquire(t, p, "two")}
		p.release(old)
		time.Sleep(time.Second)
		p.release(recent)
		leased = append(leased, mustAcquire(t, p, "drains"))
		p.mu.Lock()
		p.retire(leased[3], nil)
		p.mu.Unlock()
		for name, test := range map[string]struct {
			order HandleOrder
			limit int
			want  []string
		}{
			"busiest":       {BusiestFirst, 10, []string{"two 2", "one 1", "drains 1", "recent 0", "old 0"}},
			"three busiest": {BusiestFirst, 4, []string{"two 2", "one 1", "drains 1", "recent 0"}},
			"idle":          {IdleFirst, 10, []string{"old 0", "recent 0", "one 1", "two 2", "drains 1"}},
			"longest idle":  {IdleFirst, 1, []string{"old 0"}},
		} {
			var got []string
			for _, h := range p.handles(test.order, test.limit) {
				got = append(got, fmt.Sprint(h.Subdomain, " ", h.Leases))
				if h.IdleSince.IsZero() != (h.Leases > 0) {
					t.Errorf("%s: %+v", name, h)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: %q, want %q", name, got, test.want)
			}
		}
		first := p.handles(IdleFirst, 1)[0]
		if first.OpenedAt.Sub(start) != time.Second || first.IdleSince.Sub(start) != 4*time.Second {
			t.Errorf("opened after %v, idle after %v", first.OpenedAt.Sub(start), first.IdleSince.Sub(start))
		}
		opens := make(chan *entry)
		go func() { opens <- mustAcquire(t, p, "opens") }()
		synctest.Wait()
		if n := len(p.handles(IdleFirst, 10)); n != 4 { // without old, which is being closed or closed
			t.Errorf("%d handles", n)
		}
		for _, e := range append(leased, <-opens) {
			p.release(e)
		}
		mustClosePool(t, p)
	})
}

// TestNoHandleIsClosedInUse: handles are closed as fast as possible while scopes come and go, on fewer slots than
// tenants.
func TestNoHandleIsClosedInUse(t *testing.T) {
	t.Parallel()
	p := newPool(3, time.Minute, (&fakeOpener{}).open)
	s := &Store{pool: p}
	names := []string{"a", "b", "c", "d"}
	var closed, refused, absent atomic.Int64
	done := make(chan struct{})
	var users, closers sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 500 {
				e := mustAcquire(t, p, names[rand.N(len(names))])
				time.Sleep(rand.N(20 * time.Microsecond))
				if isClosed(e.handle) {
					t.Error("a leased handle was closed")
				}
				p.release(e)
			}
		})
	}
	for range 2 {
		closers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var leased *LeasedError
				switch err := s.CloseIdle(t.Context(), names[rand.N(len(names))]); {
				case err == nil:
					closed.Add(1)
				case errors.As(err, &leased) && leased.Leases > 0:
					refused.Add(1)
				case errors.Is(err, ErrNoHandle):
					absent.Add(1)
				default:
					t.Errorf("close: %v", err)
				}
			}
		})
	}
	users.Wait()
	close(done)
	closers.Wait()
	if closed.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d closed, %d refused, %d absent: nothing was tried", closed.Load(), refused.Load(), absent.Load())
	}
	mustClosePool(t, p)
}
