package tenants

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errCause = errors.New("an operation needs the tenant")

// quiesced runs quiesce on tenant "a" before the epoch, in a goroutine.
func quiesced(t *testing.T, p *pool, epoch int64) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- p.quiesce(t.Context(), "a", epoch, time.Minute, errCause) }()
	synctest.Wait()
	return done
}

func TestQuiesceWaitsForLeasesAndRefusesNewOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, time.Minute, (&fakeOpener{}).open)
		first, second := mustAcquire(t, p, "a"), mustAcquire(t, p, "a")
		other := mustAcquire(t, p, "b")
		done := quiesced(t, p, 2)
		if _, err := p.acquire(t.Context(), tenantNamed("a"), 0); !errors.Is(err, errStale) {
			t.Errorf("leased as it was: %v", err)
		}
		p.release(first)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("did not wait for the second lease: %v", err)
		default:
		}
		p.release(second)
		if err := <-done; err != nil || !isClosed(first.handle) {
			t.Errorf("%v, closed %t", err, isClosed(first.handle))
		}
		if other.ctx.Err() != nil || isClosed(other.handle) {
			t.Error("another tenant was disturbed")
		}
		p.release(other)
		changed := tenantNamed("a")
		changed.Epoch = 2
		e, err := p.acquire(t.Context(), changed, 0)
		if err != nil {
			t.Fatalf("lease as it is now: %v", err)
		}
		if err := <-quiesced(t, p, 2); err != nil || isClosed(e.handle) {
			t.Errorf("a handle of the new epoch was waited for or closed: %v", err)
		}
		p.release(e)
		mustClosePool(t, p)
	})
}

func TestQuiesceEndsScopesAfterItsGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(2, time.Minute, (&fakeOpener{}).open)
		e := mustAcquire(t, p, "a")
		begin := time.Now()
		ctx, stop := e.guard(t.Context())
		defer stop()
		done := quiesced(t, p, 2)
		<-ctx.Done()
		if took := time.Since(begin); took != time.Minute || !errors.Is(context.Cause(ctx), errCause) {
			t.Errorf("ended after %v with %v", took, context.Cause(ctx))
		}
		if err := e.explain(context.Canceled); !errors.Is(err, errCause) {
			t.Errorf("the scope says %v", err)
		}
		p.release(e)
		if err := <-done; err != nil {
			t.Error(err)
		}
		mustClosePool(t, p)
	})
}

// TestQuiesceWithoutAHandle has nothing to wait for, and then sends those away
// who wait for a slot.
func TestQuiesceWithoutAHandle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Hour, (&fakeOpener{}).open)
		if err := p.quiesce(t.Context(), "b", 2, time.Minute, errCause); err != nil {
			t.Error(err)
		}
		e := mustAcquire(t, p, "c")
		waiting := make(chan error, 1)
		go func() {
			_, err := p.acquire(t.Context(), tenantNamed("a"), 0)
			waiting <- err
		}()
		synctest.Wait()
		if err := <-quiesced(t, p, 2); err != nil {
			t.Error(err)
		}
		if err := <-waiting; !errors.Is(err, errStale) {
			t.Errorf("who waited got %v", err)
		}
		p.release(e)
		mustClosePool(t, p)
	})
}

func TestQuiesceGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Hour, (&fakeOpener{}).open)
		e := mustAcquire(t, p, "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.quiesce(ctx, "a", 2, time.Minute, errCause); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		p.release(e)
		mustClosePool(t, p)
	})
}

// TestALateRowIsStale has a row that was read before the epoch of the handle
// that is open, however that came about.
func TestALateRowIsStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1, time.Hour, (&fakeOpener{took: time.Second}).open)
		early := make(chan error, 1)
		other := mustAcquire(t, p, "b") // so that the first one waits for a slot
		go func() {
			_, err := p.acquire(t.Context(), tenantNamed("a"), 0)
			early <- err
		}()
		synctest.Wait()
		changed := tenantNamed("a")
		changed.Epoch = 2
		late := make(chan *entry)
		go func() {
			e, err := p.acquire(t.Context(), changed, 0)
			if err != nil {
				t.Error(err)
			}
			late <- e
		}()
		synctest.Wait()
		p.release(other)
		e := <-late
		if err := <-early; !errors.Is(err, errStale) {
			t.Errorf("who had waited with the row of before got %v", err)
		}
		if _, err := p.acquire(t.Context(), tenantNamed("a"), 0); !errors.Is(err, errStale) {
			t.Errorf("who comes with the row of before got %v", err)
		}
		p.release(e)
		mustClosePool(t, p)
	})
}

func TestEvacuateEndsAllScopes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(3, time.Minute, (&fakeOpener{}).open)
		busy, idle := mustAcquire(t, p, "a"), mustAcquire(t, p, "b")
		p.release(idle)
		p.evacuate(errCause)
		synctest.Wait()
		if !errors.Is(context.Cause(busy.ctx), errCause) || isClosed(busy.handle) || !isClosed(idle.handle) {
			t.Errorf("busy: %v, closed %t; idle closed: %t", context.Cause(busy.ctx), isClosed(busy.handle), isClosed(idle.handle))
		}
		again := make(chan *entry)
		go func() { again <- mustAcquire(t, p, "a") }() // waits: a tenant has one handle at a time
		synctest.Wait()
		p.release(busy)
		if e := <-again; e.ctx.Err() != nil {
			t.Error("a new lease is ended")
		} else {
			p.release(e)
		}
		mustClosePool(t, p)
	})
}
