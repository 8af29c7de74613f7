package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tenantry/tenants"
)

// rivals work for a while with more callers than there are connections, and return how long each had connections.
func rivals(t *testing.T, limit int, takes []time.Duration, weights []int) []time.Duration {
	t.Helper()
	held := make([]time.Duration, len(takes))
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(limit)
		b.pace.cost = 1e-6 // nobody connects
		var all sync.WaitGroup
		end := time.Now().Add(time.Minute)
		for i, take := range takes {
			b.mu.Lock()
			s := unconnectedLocked(b)
			s.setWeight(weights[i])
			b.mu.Unlock()
			var mu sync.Mutex
			for range 3 {
				all.Go(func() {
					for time.Now().Before(end) {
						if err := s.acquire(t.Context()); err != nil {
							t.Error(err)
							return
						}
						s.connected(0)
						time.Sleep(take)
						mu.Lock()
						held[i] += take
						mu.Unlock()
						s.release(false)
					}
				})
			}
		}
		all.Wait()
		time.Sleep(calmTime + tickTime) // the goroutine that watches the crowd ends then
		b.mu.Lock()
		defer b.mu.Unlock()
		for s := range b.pools {
			if err := s.db.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return held
}

// TestConnectionsFollowWeights: of tenants that always wait, one with twice the weight has connections for twice the
// time, and one with transactions three times as long has them for no longer than the others.
func TestConnectionsFollowWeights(t *testing.T) {
	t.Parallel()
	const short = 10 * time.Millisecond
	held := rivals(t, 2, []time.Duration{short, short, 3 * short, short}, []int{2, 1, 1, 1})
	for i, want := range []float64{2, 1, 1, 1} {
		if got := held[i].Seconds() / held[1].Seconds(); got < 0.85*want || got > 1.15*want {
			t.Errorf("tenant %d had connections for %v, %.2f times as long as one of weight 1", i, held[i], got)
		}
	}
}

// TestIdleTenantsSaveNothingUp: a tenant that comes after a time without need waits for its turn like those that were
// there.
func TestIdleTenantsSaveNothingUp(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	old, late := newShare(b, people, 1), newShare(b, people, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.classes[people].fair, old.spent = 100, 100
	old.pay(people, old.spent)
	late.join()
	if late.spent < 100 || late.spent > old.spent {
		t.Errorf("late begins with %v, and the others have consumed %v", late.spent, old.spent)
	}
	old.spent += 1e6
	old.join()
	if rounds := (old.spent - 100) * b.rate() / float64(b.limit); rounds > maxRounds+1 {
		t.Errorf("a tenant in debt waits for %.1f rounds longer", rounds)
	}
}

// TestWeightWidensThePool: in a crowd a tenant may have as many more connections as its weight is greater.
func TestWeightWidensThePool(t *testing.T) {
	t.Parallel()
	b := newBudget(8)
	db := b.openPool(connector{}, people, 4).db
	defer db.Close()
	s := shareOf(t, b, db)
	b.mu.Lock()
	b.crowded, b.width = true, 1
	s.setWeight(3)
	width := b.widthOf(s)
	b.mu.Unlock()
	if width != 3 {
		t.Errorf("%d connections of 4 with 3 times the weight", width)
	}
}

// TestNoScopeWaitsInVainBehindAnother: a scope whose tenant waits for its only connection already is told at once that
// its deadline is too early; one whose tenant has a connection isn't.
func TestNoScopeWaitsInVainBehindAnother(t *testing.T) {
	t.Parallel()
	b := newBudget(1)
	s := unconnected(b)
	b.mu.Lock()
	b.served = 1
	for range 9 {
		b.push(&waiter{share: unconnectedLocked(b)}, people)
	}
	b.push(&waiter{share: s}, people)
	s.place(0, 1)
	b.mu.Unlock()
	soon, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	later, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var busy *tenants.BusyError
	if err := s.admit(soon); !errors.As(err, &busy) || busy.After != 10*time.Second {
		t.Errorf("the tenth at one a second, in 5 s: %v", err)
	}
	if err := s.admit(later); err != nil {
		t.Errorf("in a minute: %v", err)
	}
	b.mu.Lock()
	s.place(1, -1)
	b.mu.Unlock()
	if err := s.admit(soon); err != nil {
		t.Errorf("with a connection: %v", err)
	}
}

// TestARefusedTenantKeepsItsTurn for a while: others that came after it and were served don't put it back.
func TestARefusedTenantKeepsItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(1)
		s, other := newShare(b, people, 1), newShare(b, people, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		b.served, b.classes[people].fair = 1, 100
		for range 10 {
			b.push(&waiter{share: other}, people)
		}
		s.join()
		if b.estimate(ctx, s) == nil {
			t.Fatal("it isn't refused")
		}
		b.classes[people].fair = 101
		if s.join(); s.spent != 100 {
			t.Errorf("soon after the refusal it begins with %v, want 100", s.spent)
		}
		time.Sleep(refusedTime + time.Second)
		if s.join(); s.spent != 101 {
			t.Errorf("later it begins with %v, want 101", s.spent)
		}
	})
}
