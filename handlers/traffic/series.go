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

// series is a ring of minutes. The zero series is empty.
type series struct {
	newest int64 // the minute of the last request
	ring   [Minutes]counts
}

// count counts a request of a minute, which must not be before the newest one.
func (s *series) count(minute int64, failed bool, bucket int) {
	for gone := max(s.newest+1, minute-Minutes+1); gone <= minute; gone++ {
		s.ring[gone%Minutes] = counts{}
	}
	s.newest = minute
	c := &s.ring[minute%Minutes]
	c.requests++
	if failed {
		c.failed++
	}
	c.took[bucket]++
}

// at returns the requests of a minute, or nil if there were none.
func (s *series) at(minute int64) *counts {
	if s == nil || minute > s.newest || minute <= s.newest-Minutes {
		return nil
	}
	return &s.ring[minute%Minutes]
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

// hour returns the hour that ends with a minute. A nil series is empty.
func (s *series) hour(last int64) Hour {
	var h Hour
	h.Total = s.total(last)
	for i := range h.Minutes {
		minute := last - Minutes + 1 + int64(i)
		h.Minutes[i].At = time.Unix(minute*60, 0).UTC()
		if c := s.at(minute); c != nil {
			h.Minutes[i].Total = totalOf(c)
		}
	}
	return h
}

// total sums up the hour that ends with a minute.
func (s *series) total(last int64) Total {
	var sum counts
	for minute := last - Minutes + 1; minute <= last; minute++ {
		c := s.at(minute)
		if c == nil || c.requests == 0 {
			continue
		}
		sum.requests += c.requests
		sum.failed += c.failed
		for i, n := range c.took {
			sum.took[i] += n
		}
	}
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
