package tenants

import (
	"maps"
	"sync/atomic"
	"time"
)

// bounds returns the upper bounds of the buckets of Durations. A last bucket has what is longer.
func bounds() [14]time.Duration {
	const ms = time.Millisecond
	return [...]time.Duration{
		ms, 5 * ms / 2, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms,
		time.Second, 2500 * ms, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	}
}

// Durations counts durations in buckets, for a histogram. The zero Durations is empty. It is safe for
// concurrent use.
type Durations struct {
	counts [15]atomic.Uint64
	sum    atomic.Int64
}

// Add counts a duration.
func (d *Durations) Add(took time.Duration) {
	bucket := 0
	for _, bound := range bounds() {
		if took <= bound {
			break
		}
		bucket++
	}
	d.counts[bucket].Add(1)
	d.sum.Add(int64(took))
}

// Histogram is what Durations counted.
type Histogram struct {
	Count uint64
	Sum   time.Duration
	// Buckets has, for each upper bound in seconds, how many durations were at most as long.
	Buckets map[float64]uint64
}

// Histogram returns what was counted.
func (d *Durations) Histogram() Histogram {
	h := Histogram{Sum: time.Duration(d.sum.Load()), Buckets: map[float64]uint64{}}
	for i, bound := range bounds() {
		h.Count += d.counts[i].Load()
		h.Buckets[bound.Seconds()] = h.Count
	}
	h.Count += d.counts[len(d.counts)-1].Load()
	return h
}

// Plus returns a histogram of the durations of both.
func (h Histogram) Plus(other Histogram) Histogram {
	sum := Histogram{Count: h.Count + other.Count, Sum: h.Sum + other.Sum, Buckets: maps.Clone(h.Buckets)}
	for bound, count := range other.Buckets {
		sum.Buckets[bound] += count
	}
	return sum
}
