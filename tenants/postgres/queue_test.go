package postgres

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantry/tenants"
)

// waiting has shares wait for the only place of a budget, one after another, and records the order in which they get it.
type waiting struct {
	b     *budget
	first *share
	all   sync.WaitGroup
	order []string
}

func newWaiting(t *testing.T) *waiting {
	t.Helper()
	w := &waiting{b: newBudget(1)}
	w.first = unconnected(w.b)
	if err := w.first.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// add returns when the share waits.
func (w *waiting) add(ctx context.Context, t *testing.T, name string, s *share) {
	t.Helper()
	w.all.Go(func() {
		if err := s.acquire(ctx); err != nil {
			t.Error(err)
			return
		}
		w.order = append(w.order, name) // only one has the place
		s.release(false)
	})
	synctest.Wait()
}

// check ends the wait.
func (w *waiting) check(t *testing.T, want ...string) {
	t.Helper()
	w.first.release(false)
	w.all.Wait()
	if !slices.Equal(w.order, want) {
		t.Errorf("served in the order %v, want %v", w.order, want)
	}
	for c := range w.b.classes {
		if load := w.b.classes[c].used; load != 0 {
			t.Errorf("%d places are left of class %v", load, class(c))
		}
	}
	time.Sleep(calmTime + tickTime) // the goroutine that watches the crowd ends then
	for s := range w.b.pools {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestJobsWaitForPeople: who came later than jobs is served first if it is a person, and last if it is a migration.
func TestJobsWaitForPeople(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		migration := unconnected(w.b)
		migration.class = migrations
		w.add(t.Context(), t, "migration", migration)
		for range 2 {
			w.add(tenants.AsJob(t.Context()), t, "job", unconnected(w.b))
		}
		w.add(t.Context(), t, "person", unconnected(w.b))
		if n := w.b.waiters[jobs].Len(); n != 2 {
			t.Errorf("%d jobs wait", n)
		}
		w.check(t, "person", "job", "job", "migration")
	})
}

// TestAPersonHurriesItsTenantsJob: a person who would wait behind a job of the tenant makes it as urgent as itself.
func TestAPersonHurriesItsTenantsJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(t)
		scoped, hurried := unconnected(w.b), make(chan struct{})
		w.add(tenants.AsJob(t.Context()), t, "job", unconnected(w.b))
		w.add(tenants.AsJob(t.Context()), t, "with a scope", scoped)
		w.add(tenants.AsJobUntil(t.Context(), hurried), t, "with the opening", unconnected(w.b))
		if err := scoped.admit(tenants.AsJob(t.Context())); err != nil || w.b.waiters[jobs].Len() != 3 {
			t.Errorf("a job hurries others: %v", err)
		}
		if err := scoped.admit(t.Context()); err != nil {
			t.Error(err)
		}
		close(hurried)
		synctest.Wait()
		w.add(t.Context(), t, "person", unconnected(w.b))
		w.check(t, "with a scope", "with the opening", "person", "job")
	})
}
