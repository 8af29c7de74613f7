package tenants

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleHandlesClose: a handle closes when it was without a lease for the pool's rest, and not before; a leased
// one stays however long it is leased.
func TestIdleHandlesClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rest = time.Minute
		opener := &fakeOpener{}
		p := newPool(100, time.Minute, opener.open)
		p.rest = rest
		leased := mustAcquire(t, p, "leased")
		var idle []*entry
		for i := range 20 {
			e := mustAcquire(t, p, fmt.Sprint("idle", i))
			p.release(e)
			idle = append(idle, e)
		}
		for range 10 { // used now and then: each time the minute begins anew
			time.Sleep(rest / 2)
			p.release(mustAcquire(t, p, "visited"))
		}
		synctest.Wait()
		if n := p.size(); n != 2 {
			t.Errorf("%d handles are open, want those that are leased and visited", n)
		}
		for i, e := range idle {
			if !isClosed(e.handle) {
				t.Errorf("idle handle %d is open", i)
			}
		}
		time.Sleep(rest - time.Second)
		synctest.Wait()
		if n := p.size(); n != 2 {
			t.Errorf("%d handles are open a second too early", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := p.size(); n != 1 || isClosed(leased.handle) {
			t.Errorf("%d handles are open, want the leased one", n)
		}
		p.release(mustAcquire(t, p, "idle0"))
		p.release(leased)
		time.Sleep(rest)
		synctest.Wait()
		if n := p.size(); n != 0 || opener.opened.Load() != 23 {
			t.Errorf("%d handles are open, %d were opened", n, opener.opened.Load())
		}
		mustClosePool(t, p)
	})
}

// TestClosedPoolHasNoTimer: the bubble would wait for it.
func TestClosedPoolHasNoTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(10, time.Minute, (&fakeOpener{}).open)
		p.rest = 24 * time.Hour
		p.release(mustAcquire(t, p, "acme"))
		start := time.Now()
		mustClosePool(t, p)
		synctest.Wait()
		if p.size() != 0 || time.Since(start) > 0 {
			t.Errorf("%d handles are open after %v", p.size(), time.Since(start))
		}
	})
}
