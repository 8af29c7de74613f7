package postgres

import (
	"testing"
	"time"
)

// TestPaceFollowsCostAndQueue: connecting takes its usual share of a CPU, more if tenants would wait too long, and
// never more than its full share, whatever a connect costs.
func TestPaceFollowsCostAndQueue(t *testing.T) {
	t.Parallel()
	for _, cost := range []time.Duration{2 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
		p := newPace(time.Time{})
		p.cost = cost.Seconds()
		last := 0.0
		for waiters := range 5000 {
			rate := p.rate(waiters)
			if share := rate * p.cost; share < usualShare-1e-9 || share > fullShare+1e-9 {
				t.Fatalf("%v, %d waiters: %.2f of a CPU", cost, waiters, share)
			}
			if rate < last {
				t.Fatalf("%v: %d waiters are served more slowly than fewer", cost, waiters)
			}
			if inTime := float64(waiters) / rate; inTime > longWait.Seconds()+1e-9 && rate*p.cost < fullShare-1e-9 {
				t.Fatalf("%v: %d waiters wait for %.1f s with CPU to spare", cost, waiters, inTime)
			}
			last = rate
		}
	}
}

// TestPaceIsKept spends what is due for a minute of ticks, and counts.
func TestPaceIsKept(t *testing.T) {
	t.Parallel()
	now := time.Time{}
	p := newPace(now)
	changes := 0
	for range time.Minute / tickTime {
		now = now.Add(tickTime)
		p.reckon(now, 10)
		for ; p.credit >= 1; changes++ {
			p.spend(1)
		}
	}
	if want := p.rate(10) * 60; float64(changes) < want-2 || float64(changes) > want+maxCredit+2 {
		t.Errorf("%d changes in a minute, want about %.0f", changes, want)
	}
}

// TestCostIsThatOfTheFastest: a connect that waited for a CPU doesn't count, unless they all become slower.
func TestCostIsThatOfTheFastest(t *testing.T) {
	t.Parallel()
	p := newPace(time.Time{})
	for range 100 {
		p.note(300 * time.Millisecond)
		p.note(3 * time.Millisecond)
	}
	if p.cost > 0.004 {
		t.Errorf("a connect costs %.1f ms", 1000*p.cost)
	}
	for range 100_000 {
		p.note(30 * time.Millisecond)
	}
	if p.cost < 0.029 {
		t.Errorf("a connect still costs %.1f ms", 1000*p.cost)
	}
}
