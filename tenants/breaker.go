package tenants

import (
	"fmt"
	"sync/atomic"
	"time"
)

const (
	// breakAfter is the number of failures in a row after which a server counts as down.
	breakAfter = 3
	// probeInterval is the time between two attempts to reach a server that is down.
	probeInterval = time.Second
)

// breaker refuses scopes on a server that doesn't answer, so that they don't wait for it one by one. Once in a
// while it admits one, which finds out whether the server answers again. It is safe for concurrent use. While the
// server answers, it costs a scope two atomic reads.
type breaker struct {
	failures atomic.Int64 // in a row
	next     atomic.Int64 // time of the next probe, in nanoseconds since began
	began    time.Time    // read from Go's monotonic clock
}

func newBreaker() *breaker { return &breaker{began: time.Now()} }

// admit returns ErrServerDown if the server is down and no probe is due.
func (b *breaker) admit() error {
	if b == nil || b.failures.Load() < breakAfter {
		return nil
	}
	now, next := time.Since(b.began), b.next.Load()
	if int64(now) >= next && b.next.CompareAndSwap(next, int64(now+probeInterval)) {
		return nil
	}
	return fmt.Errorf("%w: it is tried again every %s", ErrServerDown, probeInterval)
}

// failed records that the server didn't answer.
func (b *breaker) failed() {
	if b != nil && b.failures.Add(1) >= breakAfter {
		b.next.Store(int64(time.Since(b.began) + probeInterval))
	}
}

// answered records that the server answered.
func (b *breaker) answered() {
	if b != nil && b.failures.Load() > 0 {
		b.failures.Store(0)
	}
}
