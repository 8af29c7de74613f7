package postgres

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest/pgcluster"
)

// TestTurnsFollowWeights has three tenants share two connections: one with short transactions and four times the weight, one
// with short ones, and one with long ones. The last two have connections for as long as each other.
func TestTurnsFollowWeights(t *testing.T) {
	t.Parallel()
	c := inSchemas(t, pgcluster.Database(t))
	c.MaxConns = 2
	e := newEngine(t, c)
	const short, long = 2, 8 // milliseconds
	var held [3]atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var callers sync.WaitGroup
	for i, takes := range []int64{short, short, long} {
		conns := opened(t, e, made(t, e))
		db := over(e, conns)
		if i == 0 {
			turns := e.layout.queue()
			s := shareOf(t, turns, conns.Write)
			turns.mu.Lock()
			s.setWeight(4)
			turns.mu.Unlock()
		}
		for range 4 {
			callers.Go(func() {
				for ctx.Err() == nil {
					var begun time.Time
					err := db.Transaction(func(tx *gorm.DB) error {
						begun = time.Now()
						time.Sleep(time.Duration(takes) * time.Millisecond)
						return nil
					})
					if err != nil {
						t.Error(err)
						return
					}
					held[i].Add(time.Since(begun).Microseconds()) // a loaded machine takes longer
				}
			})
		}
	}
	callers.Wait()
	heavy, light, slow := held[0].Load(), held[1].Load(), held[2].Load()
	if heavy < 2*light || slow > 2*light || light == 0 {
		t.Errorf("the heavy tenant had a connection for %d µs, the light one for %d, and the slow one for %d", heavy, light, slow)
	}
}

// turner is a tenant that takes turns one after another, each for a while. It runs with the clock of a synctest bubble.
type turner struct {
	share *share
	takes time.Duration
	had   time.Duration // how long it had connections
}

// newTurner returns a turner whose first slot is home.
func newTurner(turns *budget, l *lender, home int, takes time.Duration) *turner {
	s := newShare(turns, people, 1)
	s.lender, s.hash = l, uint64(home)
	return &turner{share: s, takes: takes}
}

// take takes a turn.
func (tr *turner) take(t *testing.T) {
	slot, err := tr.share.turn(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	if slot.users.Load() > 1 {
		t.Error("two transactions that have a turn share a connection")
	}
	tr.share.connected(0)
	time.Sleep(tr.takes)
	tr.share.endTurn(slot, tr.takes)
	tr.had += tr.takes
}

// newSlots returns a budget for turns, and a lender without connections.
func newSlots(n int) (turns *budget, l *lender) {
	l = &lender{budget: newBudget(n)}
	for i := range n {
		l.slots = append(l.slots, &slot{lender: l, number: i})
	}
	return newTurns(n), l
}

// withClock runs f in a synctest bubble, until no tenant waits.
func withClock(t *testing.T, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(time.Minute) // until the budget is no longer crowded
	})
}

// TestNearTenantsGetNoMore: a tenant for which the connections that become free are always the last ones of its order has them
// for as long as the others. If these take far longer it gets every second turn, which is all that one caller can have.
func TestNearTenantsGetNoMore(t *testing.T) {
	t.Parallel()
	for takes, part := range map[time.Duration]float64{time.Millisecond: 0.8, 20 * time.Millisecond: 0.4} {
		withClock(t, func(t *testing.T) {
			const end, slots = time.Minute, 2 * near
			turns, l := newSlots(slots)
			far := newTurner(turns, l, 1, time.Millisecond)
			all := []*turner{far}
			for range 9 {
				all = append(all, newTurner(turns, l, 0, takes))
			}
			begun := time.Now()
			var callers sync.WaitGroup
			for home := range slots - 1 { // all connections but the first one are in use
				callers.Go(func() { newTurner(turns, l, home+1, end).take(t) })
			}
			synctest.Wait()
			for _, tr := range all {
				callers.Go(func() {
					for time.Since(begun) < end {
						tr.take(t)
					}
				})
			}
			callers.Wait()
			for _, near := range all[1:] {
				if got := far.had.Seconds() / near.had.Seconds(); got < part || got > 1.2 {
					t.Errorf("turns of %v: the tenant far from the connections had them for %.2f of the time of a near one", takes, got)
				}
			}
		})
	}
}

// TestLongTransactionsHoldUpNobody: while some tenants keep their connections, others whose first slots these are get turns
// at once, on connections of their own.
func TestLongTransactionsHoldUpNobody(t *testing.T) {
	t.Parallel()
	withClock(t, func(t *testing.T) {
		const slots, long = 8, time.Minute
		turns, l := newSlots(slots)
		var callers sync.WaitGroup
		for i := range slots - 1 {
			callers.Go(func() { newTurner(turns, l, i, long).take(t) })
		}
		synctest.Wait()
		for home := range 2 * slots {
			begun := time.Now()
			newTurner(turns, l, home, time.Millisecond).take(t)
			if took := time.Since(begun); took > time.Millisecond {
				t.Errorf("a turn of 1ms beside long ones took %v", took)
			}
		}
		callers.Wait()
	})
}

// TestTenantsUseFewConnections: while many tenants wait, each has most of its turns on few of the connections.
func TestTenantsUseFewConnections(t *testing.T) {
	t.Parallel()
	withClock(t, func(t *testing.T) {
		const slots, tenants, end, few = 16, 200, 20 * time.Second, 4
		turns, l := newSlots(slots)
		begun := time.Now()
		var used [tenants][slots]int
		var callers sync.WaitGroup
		for i := range tenants {
			tr := newTurner(turns, l, i, time.Millisecond)
			callers.Go(func() {
				for time.Since(begun) < end {
					slot, err := tr.share.turn(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					tr.share.connected(0)
					took := time.Duration(500+(i*7+used[i][slot.number]*13)%1000) * time.Microsecond
					time.Sleep(took)
					used[i][slot.number]++
					tr.share.endTurn(slot, took)
				}
			})
		}
		callers.Wait()
		all, mostly := 0, 0
		for i := range used {
			counts := slices.Sorted(slices.Values(used[i][:]))
			for n, count := range counts {
				all += count
				if n >= slots-few {
					mostly += count
				}
			}
		}
		if part := float64(mostly) / float64(all); part < 0.9 {
			t.Errorf("tenants have %.2f of their turns on their %d most used of %d connections", part, few, slots)
		}
	})
}
