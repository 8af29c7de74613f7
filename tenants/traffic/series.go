package traffic

import "time"

// Minutes is the number of minutes that a recorder keeps, including the current
// one.
const Minutes = 60

// counts counts the requests of one minute.
type counts struct {
	requests, failed uint32
	took             [buckets]uint32
}

// series is a ring of the counts of times of the same length, which have consecutive numbers.
type series struct {
	newest int64 // the time of the last request
	ring   []counts
}

func newSeries(length int) *series { return &series{ring: make([]counts, length)} }

// count counts a request of a time, which must not be before the newest one.
func (s *series) count(at int64, failed bool, bucket int) {
	length := int64(len(s.ring))
	for gone := max(s.newest+1, at-length+1); gone <= at; gone++ {
		s.ring[gone%length] = counts{}
	}
	s.newest = at
	c := &s.ring[at%length]
	c.requests++
	if failed {
		c.failed++
	}
	c.took[bucket]++
}

// at returns the requests of a time, or nil if there were none.
func (s *series) at(at int64) *counts {
	if s == nil || at > s.newest || at <= s.newest-int64(len(s.ring)) {
		return nil
	}
	return &s.ring[at%int64(len(s.ring))]
}

// add adds other counts.
func (c *counts) add(other *counts) {
	if other == nil || other.requests == 0 {
		return
	}
	c.requests += other.requests
	c.failed += other.failed
	for i, n := range other.took {
		c.took[i] += n
	}
}

// sum adds up n times until the last one.
func (s *series) sum(last int64, n int) (sum counts) {
	for at := last - int64(n) + 1; at <= last; at++ {
		sum.add(s.at(at))
	}
	return sum
}

// Minute is one minute of an Hour.
type Minute struct {
	// At is the beginning of the minute.
	At time.Time
	Total
}

// Total sums up requests: their number, how many of them failed, and the 95th
// percentile of their durations, 0 without requests.
type Total struct {
	Requests, Failed int64
	P95              time.Duration
}

// Hour is the last hour, by minute and in total.
type Hour struct {
	// Minutes has the oldest minute first. The last one is still running.
	Minutes [Minutes]Minute
	Total
}

// hour returns the counts of the hour that ends with a minute. A nil series is empty.
func (s *series) hour(last int64) (minutes [Minutes]counts) {
	for i := range minutes {
		minutes[i].add(s.at(last - Minutes + 1 + int64(i)))
	}
	return minutes
}

// hourOf returns the hour that ends with a minute.
func hourOf(minutes *[Minutes]counts, last int64) (h Hour) {
	var sum counts
	for i := range minutes {
		sum.add(&minutes[i])
		h.Minutes[i] = Minute{timeOf(last - Minutes + 1 + int64(i)), totalOf(&minutes[i])}
	}
	h.Total = totalOf(&sum)
	return h
}

// total sums up the hour that ends with a minute.
func (s *series) total(last int64) Total {
	sum := s.sum(last, Minutes)
	return totalOf(&sum)
}

// requests returns the number of requests in the hour that ends with a minute.
func (s *series) requests(last int64) (n int64) {
	for minute := last - Minutes + 1; minute <= last; minute++ {
		if c := s.at(minute); c != nil {
			n += int64(c.requests)
		}
	}
	return n
}

func totalOf(c *counts) Total {
	return Total{int64(c.requests), int64(c.failed), percentile(&c.took, 95)}
}
