// Package traffic counts this process's requests of the last hour, in total and for
// each of the busiest tenants, in bounded memory.
//
//	traffic.go the recorder
//	series.go  an hour of minutes
//	tally.go   counters of the busiest tenants
//	buckets.go durations of requests
package traffic

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// DefaultTenants is the number of tenants that a recorder counts separately. One
// tenant's hour takes 9 KB.
const DefaultTenants = 256

// Recorder counts requests by the minute. Requests of tenants beyond its limit are
// only part of the total. When a minute begins, the least busy tenants are dropped
// if others found no room, so a tenant that becomes busy is counted within a minute
// or two. It is safe for concurrent use.
type Recorder struct {
	limit int
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	minute  int64      // of the last request, in minutes since 1970
	crowded bool       // whether a tenant found no room since the minute began
	all     series
	tenants map[string]*series // by id
	tallies tallies
}

// New returns a recorder that counts at most limit tenants separately. now returns
// the time.
func New(limit int, now func() time.Time) *Recorder {
	return &Recorder{limit: limit, now: now, tenants: map[string]*series{}, tallies: tallies{busiest: map[string]*Tally{}}}
}

// Request is a request that was answered.
type Request struct {
	// TenantID and Tenant are the tenant's id and its subdomain. They are empty if the request had none.
	TenantID, Tenant string
	// Failed means that the server was at fault.
	Failed bool
	Took   time.Duration
}

// Record counts a request.
func (r *Recorder) Record(q Request) {
	minute, bucket := minuteOf(r.now()), bucketOf(q.Took)
	r.mu.Lock()
	defer r.mu.Unlock()
	minute = max(minute, r.minute) // the clock may have been set back
	if minute > r.minute {
		r.turn(minute)
	}
	r.all.count(minute, q.Failed, bucket)
	if q.TenantID == "" {
		return
	}
	r.tallies.count(q)
	of := r.tenants[q.TenantID]
	if of == nil {
		if len(r.tenants) >= r.limit {
			r.crowded = true
			return
		}
		of = &series{}
		r.tenants[q.TenantID] = of
	}
	of.count(minute, q.Failed, bucket)
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// turn begins a minute. If there was no room, it drops the tenants without requests
// in the last hour and, if that isn't enough, the least busy of the others.
func (r *Recorder) turn(minute int64) {
	r.minute = minute
	if len(r.tenants) > Tallied {
		requests := make(map[string]int64, len(r.tenants))
		for id, of := range r.tenants {
			requests[id] = of.requests(minute)
		}
		r.tallies.choose(requests)
	}
	if !r.crowded {
		return
	}
	r.crowded = false
	ranks := r.ranks()
	for i := r.limit * 3 / 4; i < len(ranks); i++ {
		delete(r.tenants, ranks[i].TenantID)
	}
}

// Hour returns the last hour of a tenant's requests, or of all requests if tenantID
// is empty.
func (r *Recorder) Hour(tenantID string) Hour {
	minute := minuteOf(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	minute = max(minute, r.minute)
	of := &r.all
	if tenantID != "" {
		of = r.tenants[tenantID]
	}
	return of.hour(minute)
}

// Rank sums up a tenant's last hour.
type Rank struct {
	TenantID string
	Total
}

// Busiest returns the n tenants with the most requests in the last hour, or fewer.
func (r *Recorder) Busiest(n int) []Rank {
	minute := minuteOf(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.minute = max(minute, r.minute)
	ranks := r.ranks()
	return ranks[:min(n, len(ranks))]
}

// ranks returns all tenants with requests in the last hour, the busiest first, and
// drops the others. The caller holds mu.
func (r *Recorder) ranks() []Rank {
	ranks := make([]Rank, 0, len(r.tenants))
	for id, of := range r.tenants {
		total := of.total(r.minute)
		if total.Requests == 0 {
			delete(r.tenants, id)
			continue
		}
		ranks = append(ranks, Rank{id, total})
	}
	slices.SortFunc(ranks, func(a, b Rank) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.TenantID, b.TenantID))
	})
	return ranks
}
