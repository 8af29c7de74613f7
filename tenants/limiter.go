package tenants

import (
	"sync"
	"time"
)

// limiter counts the requests of tenants that may send only so many in a second. Its memory is bounded: a tenant
// without requests in the last second is forgotten. It is safe for concurrent use.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex // protects the fields below
	buckets map[string]*bucket
	sweepAt int // the number of buckets at which those that are full are dropped
}

// bucket holds a tenant's tokens, one for each request of a second. It is refilled as time passes.
type bucket struct {
	spent float64   // tokens that are missing, at the time at
	at    time.Time // when spent was computed
	rate  float64   // tokens a second, and the size of the bucket, which is at least 1
}

// minSweep is the least number of buckets at which full ones are dropped.
const minSweep = 1024

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, buckets: map[string]*bucket{}, sweepAt: minSweep}
}

// admit takes a token from the tenant's bucket. Returns a *LimitError if there is none. most is the number of
// requests in a second, 0 for no limit, which as many processes share.
func (l *limiter) admit(id string, most, processes int64) error {
	if most <= 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, rate := l.bucket(id), float64(most)/float64(processes)
	b.refill(l.now(), rate)
	if over := b.spent + 1 - max(1, rate); over > 0 {
		return &LimitError{ErrTooManyRequests, most, time.Duration(over / rate * float64(time.Second))}
	}
	b.spent++
	return nil
}

// bucket returns the bucket of a tenant. The caller holds l.mu.
func (l *limiter) bucket(id string) *bucket {
	if b := l.buckets[id]; b != nil {
		return b
	}
	if len(l.buckets) >= l.sweepAt {
		l.sweep()
	}
	b := &bucket{at: l.now()}
	l.buckets[id] = b
	return b
}

// sweep drops the buckets that are full. The caller holds l.mu.
func (l *limiter) sweep() {
	now := l.now()
	for id, b := range l.buckets {
		b.refill(now, b.rate)
		if b.spent == 0 {
			delete(l.buckets, id)
		}
	}
	l.sweepAt = max(minSweep, 2*len(l.buckets))
}

// refill adds the tokens of the time that has passed. If the rate changes, the bucket is at most empty by the new
// rate.
func (b *bucket) refill(now time.Time, rate float64) {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.spent = max(0, b.spent-passed*b.rate)
		b.at = now
	}
	b.rate = rate
	b.spent = min(b.spent, max(1, rate))
}
