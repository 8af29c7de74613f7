package tenants

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// limitClock is a time that a test sets.
type limitClock struct{ at time.Time }

func (c *limitClock) now() time.Time { return c.at }

func newTestLimiter() (*limiter, *limitClock) {
	c := &limitClock{time.Unix(1_000_000, 0)}
	return newLimiter(c.now), c
}

func TestRequestsAreLimitedBySecond(t *testing.T) {
	t.Parallel()
	l, clock := newTestLimiter()
	for n := range 4 {
		if err := l.admit("a", 4, 1); err != nil {
			t.Fatalf("request %d of 4: %v", n+1, err)
		}
	}
	var refused *LimitError
	if err := l.admit("a", 4, 1); !errors.As(err, &refused) || !errors.Is(err, ErrTooManyRequests) {
		t.Fatalf("request 5 of 4: %v", err)
	}
	if refused.After != 250*time.Millisecond {
		t.Errorf("try again after %v, want 250ms", refused.After)
	}
	if err := l.admit("b", 4, 1); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	clock.at = clock.at.Add(refused.After)
	if err := l.admit("a", 4, 1); err != nil {
		t.Errorf("when told to try again: %v", err)
	}
	if err := l.admit("a", 4, 1); err == nil {
		t.Error("a second request got the same token")
	}
	if err := l.admit("a", 0, 1); err != nil {
		t.Errorf("without a limit: %v", err)
	}
	clock.at = clock.at.Add(-time.Hour)
	if err := l.admit("a", 4, 1); !errors.As(err, &refused) || refused.After > time.Second {
		t.Errorf("after the clock was set back: %v", err)
	}
}

func TestARequestRateThatChangesHoldsAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after, free int64 }{{10, 2, 0}, {2, 10, 8}} {
		l, _ := newTestLimiter()
		for range c.before {
			if err := l.admit("a", c.before, 1); err != nil {
				t.Fatal(err)
			}
		}
		free := int64(0)
		for free < 100 && l.admit("a", c.after, 1) == nil {
			free++
		}
		if free != c.free {
			t.Errorf("from %d to %d: %d requests at once, want %d", c.before, c.after, free, c.free)
		}
		var refused *LimitError
		if !errors.As(l.admit("a", c.after, 1), &refused) || refused.After != time.Second/time.Duration(c.after) {
			t.Errorf("from %d to %d: refused with %v, want the time of one token", c.before, c.after, refused)
		}
	}
}

func TestTheLimiterForgetsTenantsWithoutRequests(t *testing.T) {
	t.Parallel()
	l, clock := newTestLimiter()
	for n := range 20 * minSweep {
		if err := l.admit(fmt.Sprint(n), 1, 1); err != nil {
			t.Fatal(err)
		}
		clock.at = clock.at.Add(10 * time.Millisecond)
	}
	if len(l.buckets) > 2*minSweep {
		t.Errorf("%d tenants are kept", len(l.buckets))
	}
}

func TestNoLimitCostsNothing(t *testing.T) {
	l, _ := newTestLimiter()
	if n := testing.AllocsPerRun(100, func() { _ = l.admit("a", 0, 1) }); n != 0 || len(l.buckets) != 0 {
		t.Errorf("%v allocations, %d tenants kept", n, len(l.buckets))
	}
}

func TestProcessesShareARequestRate(t *testing.T) {
	t.Parallel()
	l, clock := newTestLimiter()
	admitted := 0
	for range 100 {
		if l.admit("a", 1, 4) == nil {
			admitted++
		}
		clock.at = clock.at.Add(time.Second)
	}
	if admitted != 25 {
		t.Errorf("one of four processes admits %d requests in 100 s at 1/s", admitted)
	}
}
