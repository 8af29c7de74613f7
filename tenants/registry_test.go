package tenants

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// fakeMaster answers look-ups from a map, and counts them.
type fakeMaster struct {
	mu      sync.Mutex
	tenants map[string]*Tenant
	err     error
	asked   atomic.Int64
	took    time.Duration
}

func (f *fakeMaster) find(_ context.Context, subdomain string) (*Tenant, error) {
	f.asked.Add(1)
	f.mu.Lock()
	t, err := f.tenants[subdomain], f.err
	f.mu.Unlock()
	time.Sleep(f.took) // the bubble's clock
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		return nil, ErrUnknownTenant
	}
	return t, nil
}

func (f *fakeMaster) set(subdomain string, t *Tenant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenants[subdomain] = t
}

func newTestRegistry(t testing.TB, size int, master *fakeMaster) *registry {
	t.Helper()
	r, err := newRegistry(size, master.find)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRegistryAsksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		master := &fakeMaster{took: time.Second, tenants: map[string]*Tenant{"acme": tenantNamed("acme")}}
		r := newTestRegistry(t, 10, master)
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if got, err := r.lookup(t.Context(), "acme"); err != nil || got.ID != "acme" {
					t.Errorf("got %v, %v", got, err)
				}
				if _, err := r.lookup(t.Context(), "nobody"); !errors.Is(err, ErrUnknownTenant) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if n := master.asked.Load(); n != 2 {
			t.Errorf("asked %d times, want once for each name", n)
		}
	})
}

func TestRegistryForgetsAtAFlush(t *testing.T) {
	t.Parallel()
	master := &fakeMaster{tenants: map[string]*Tenant{}}
	r := newTestRegistry(t, 10, master)
	if _, err := r.lookup(t.Context(), "acme"); !errors.Is(err, ErrUnknownTenant) {
		t.Errorf("got %v", err)
	}
	master.set("acme", tenantNamed("acme"))
	r.flush()
	if _, err := r.lookup(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// TestRegistryDropsAnAnswerOlderThanAFlush: the look-up began before the change
// and ends after the news of it.
func TestRegistryDropsAnAnswerOlderThanAFlush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		master := &fakeMaster{took: time.Second, tenants: map[string]*Tenant{}}
		r := newTestRegistry(t, 10, master)
		done := make(chan error)
		go func() {
			_, err := r.lookup(t.Context(), "acme")
			done <- err
		}()
		synctest.Wait()
		master.set("acme", tenantNamed("acme"))
		r.flush()
		<-done
		if _, err := r.lookup(t.Context(), "acme"); err != nil {
			t.Errorf("the old answer was kept: %v", err)
		}
	})
}

func TestRegistryAsksAgainAfterAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		master := &fakeMaster{tenants: map[string]*Tenant{"acme": tenantNamed("acme")}}
		r := newTestRegistry(t, 10, master)
		for range 3 {
			_, _ = r.lookup(t.Context(), "acme")
			time.Sleep(cacheTTL) // the bubble's clock
		}
		if n := master.asked.Load(); n != 3 {
			t.Errorf("asked %d times, want 3", n)
		}
	})
}

func TestRegistryKeepsNoFailure(t *testing.T) {
	t.Parallel()
	master := &fakeMaster{err: ErrUnavailable, tenants: map[string]*Tenant{"acme": tenantNamed("acme")}}
	r := newTestRegistry(t, 10, master)
	if _, err := r.lookup(t.Context(), "acme"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	master.err = nil
	if _, err := r.lookup(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// TestRegistryIsBounded floods both caches with invented names.
func TestRegistryIsBounded(t *testing.T) {
	t.Parallel()
	master := &fakeMaster{tenants: map[string]*Tenant{"acme": tenantNamed("acme")}}
	r := newTestRegistry(t, 10, master)
	_, _ = r.lookup(t.Context(), "acme")
	for i := range missingSize + 100 {
		_, _ = r.lookup(t.Context(), fmt.Sprintf("x%d", i))
	}
	before := master.asked.Load()
	if _, err := r.lookup(t.Context(), "acme"); err != nil || master.asked.Load() != before {
		t.Error("the flood pushed a tenant out")
	}
	if n := r.missing.Len(); n != missingSize {
		t.Errorf("%d missing names are kept, want %d", n, missingSize)
	}
}

func TestRegistryLookupEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestRegistry(t, 10, &fakeMaster{took: 4 * time.Second, tenants: map[string]*Tenant{}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := r.lookup(ctx, "acme"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		time.Sleep(4 * time.Second) // the bubble's clock: the look-up goes on
	})
}

// TestLookUpsAfterAFlushAreNew: they don't join one that began before, whose
// answer may be older than the change, and that one's answer isn't kept.
func TestLookUpsAfterAFlushAreNew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before, after := tenantNamed("acme"), tenantNamed("acme")
		after.Epoch = 2
		master := &fakeMaster{took: time.Second, tenants: map[string]*Tenant{"acme": before}}
		r := newTestRegistry(t, 10, master)
		older := make(chan error, 1)
		go func() {
			_, err := r.lookup(t.Context(), "acme")
			older <- err
		}()
		synctest.Wait() // it has read the row
		master.set("acme", after)
		r.flush()
		for range 2 { // the second time from memory
			if got, err := r.lookup(t.Context(), "acme"); err != nil || got.Epoch != 2 {
				t.Errorf("got %v, %v", got, err)
			}
		}
		if err := <-older; err != nil {
			t.Error(err)
		}
		if n := master.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}
