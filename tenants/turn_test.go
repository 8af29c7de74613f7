package tenants

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// passer runs scopes at a turnstile, in a bubble of synctest.
type passer struct {
	t     *testing.T
	stile *turnstile
	group sync.WaitGroup
	mu    sync.Mutex
	order []string // the lanes in the order in which they got turns
}

// pass has n scopes in the lane, which take so long each.
func (p *passer) pass(name string, l *lane, n int, took time.Duration) {
	for range n {
		p.group.Go(func() {
			var own turn
			if err := l.enter(p.t.Context(), &own); err != nil {
				p.t.Error(err)
			}
			p.mu.Lock()
			p.order = append(p.order, name)
			p.mu.Unlock()
			time.Sleep(took)
			own.leave()
		})
	}
	synctest.Wait()
}

// taken returns the number of turns in the lane.
func (p *passer) taken(l *lane) int {
	p.stile.mu.Lock()
	defer p.stile.mu.Unlock()
	return l.taken
}

// done waits for all scopes and checks that the turnstile is as it was.
func (p *passer) done() {
	p.t.Helper()
	p.group.Wait()
	p.stile.mu.Lock()
	defer p.stile.mu.Unlock()
	if s := p.stile; s.held.len != 0 || s.waits != 0 || s.lanes.len != 0 {
		p.t.Errorf("afterwards %d turns are held, %d scopes wait, in %d lanes", s.held.len, s.waits, s.lanes.len)
	}
}

// TestTurnsRotate: tenants get turns one after another, however many scopes each has.
func TestTurnsRotate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &passer{t: t, stile: &turnstile{width: 1, most: 1}}
		p.pass("many", &lane{stile: p.stile}, 16, time.Millisecond)
		p.pass("few", &lane{stile: p.stile}, 3, time.Millisecond)
		p.pass("one", &lane{stile: p.stile}, 1, time.Millisecond)
		p.done()
		want := []string{"many", "many", "few", "one", "many", "few", "many", "few", "many"}
		if got := p.order[:len(want)]; !slices.Equal(got, want) {
			t.Errorf("turns of %q, want %q", got, want)
		}
	})
}

// TestTenantLeavesTurns: beside others a tenant has only some of the turns; alone it has all.
func TestTenantLeavesTurns(t *testing.T) {
	t.Parallel()
	for width, alone := range map[int]int{5: 5, 0: 16} {
		t.Run(fmt.Sprint("width ", width), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &passer{t: t, stile: &turnstile{width: width, most: 2}}
				many, other := &lane{stile: p.stile}, &lane{stile: p.stile}
				p.pass("many", many, 16, time.Millisecond)
				if p.taken(many) != alone {
					t.Errorf("alone the tenant has %d turns, want %d", p.taken(many), alone)
				}
				p.done()
				p.pass("other", other, 1, 0)
				p.pass("many", many, 16, time.Millisecond)
				if p.taken(many) != 2 {
					t.Errorf("beside another the tenant has %d turns, want 2", p.taken(many))
				}
				p.pass("other", other, 2, time.Millisecond)
				if p.taken(other) != 2 {
					t.Errorf("the other has %d turns, want 2 at once", p.taken(other))
				}
				p.done()
				time.Sleep(2 * activeTime)
				p.pass("many", many, 1, 0) // the other came before it
				time.Sleep(2 * activeTime)
				p.pass("many", many, 4, time.Millisecond)
				if p.taken(many) != 4 {
					t.Errorf("alone again the tenant has %d turns, want 4", p.taken(many))
				}
				p.done()
			})
		})
	}
}

// TestVisitsLeaveTurns: all visits aside share the turns of one tenant and make way for others as long as they work; alone they
// have all turns and no pauses.
func TestVisitsLeaveTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var stiles turnstiles
		other, aside := stiles.laneFor("server", InProcess), stiles.asideLane()
		p := &passer{t: t, stile: aside.stile}
		if again := stiles.asideLane(); again != aside || other.stile != aside.stile {
			t.Error("the visits don't share a lane at the turnstile of the process")
		}
		visit := func(n int) (took time.Duration) {
			begun := time.Now()
			for range n {
				p.group.Go(func() {
					var own turn
					if err := aside.enter(t.Context(), &own); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Millisecond)
					own.leaveSlowly()
				})
			}
			p.done()
			return time.Since(begun)
		}
		width, half := aside.stile.width, aside.stile.most
		if took := visit(width); took != time.Millisecond {
			t.Errorf("alone: %d visits at once took %v", width, took)
		}
		p.pass("other", other, 1, 0)
		if took := visit(3 * half); took != 6*time.Millisecond {
			t.Errorf("beside others: %d visits, %d at once, took %v", 3*half, half, took)
		}
	})
}

// TestLongScopeLosesItsTurn to those that wait; nothing waits for ever for a scope that waits for it.
func TestLongScopeLosesItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &passer{t: t, stile: &turnstile{width: 2, most: 1}}
		outer, inner := &lane{stile: p.stile}, &lane{stile: p.stile}
		begin := time.Now()
		var begun sync.WaitGroup
		begun.Add(2)
		for _, l := range []*lane{outer, inner} {
			p.group.Go(func() {
				var own turn
				if err := l.enter(t.Context(), &own); err != nil {
					t.Error(err)
				}
				defer own.leave()
				begun.Done()
				begun.Wait()
				var nested turn
				if err := inner.enter(t.Context(), &nested); err != nil {
					t.Error(err)
				}
				nested.leave()
			})
		}
		p.done()
		if took := time.Since(begin); took != longestTurn {
			t.Errorf("it took %v", took)
		}
		p.pass("long", outer, 1, time.Hour) // without others it keeps its turn
		time.Sleep(time.Minute)
		if p.taken(outer) != 1 {
			t.Error("the scope has lost its turn")
		}
		p.done()
	})
}

// TestTurnIsGivenUp when the context of a scope that waits ends; those behind it go on.
func TestTurnIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &passer{t: t, stile: &turnstile{width: 1, most: 1}}
		l := &lane{stile: p.stile}
		p.pass("held", l, 1, 20*time.Millisecond)
		ctx, cancel := context.WithCancel(t.Context())
		due, cancelDue := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancelDue()
		for ctx, want := range map[context.Context]error{ctx: context.Canceled, due: ErrBusy} {
			p.group.Go(func() {
				var own turn
				if err := l.enter(ctx, &own); !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
				own.leave()
			})
		}
		p.pass("behind", l, 1, 0)
		cancel()
		p.done()
		if !slices.Equal(p.order, []string{"held", "behind"}) {
			t.Errorf("turns of %q", p.order)
		}
	})
}

// TestTurnsAtRandom: scopes of random lengths in several lanes come, wait, are cancelled and go. No limit is passed,
// and none waits for ever.
func TestTurnsAtRandom(t *testing.T) {
	t.Parallel()
	for _, width := range []int{3, 0} {
		t.Run(fmt.Sprint("width ", width), func(t *testing.T) {
			t.Parallel()
			p := &passer{t: t, stile: &turnstile{width: width, most: 2}}
			lanes := make([]*lane, 5)
			for i := range lanes {
				lanes[i] = &lane{stile: p.stile}
			}
			for range 40 {
				p.group.Go(func() {
					for range 200 {
						passAtRandom(t, lanes[rand.N(len(lanes))])
					}
				})
			}
			p.done()
		})
	}
}

func passAtRandom(t *testing.T, l *lane) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if rand.N(4) == 0 {
		time.AfterFunc(rand.N(100*time.Microsecond), cancel)
	}
	var own turn
	err := l.enter(ctx, &own)
	defer own.leave()
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return
	}
	s := l.stile
	s.mu.Lock()
	if s.width > 0 && s.held.len > s.width {
		t.Errorf("%d turns at once", s.held.len)
	}
	s.mu.Unlock()
	if rand.N(2) == 0 {
		time.Sleep(rand.N(100 * time.Microsecond))
	}
}
