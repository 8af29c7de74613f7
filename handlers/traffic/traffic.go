// Package traffic remembers the last hour of this process's requests, of all
// together and of each of the busiest tenants, in bounded memory.
//
//	traffic.go the recorder
//	series.go  an hour of minutes
//	buckets.go how long requests took
package traffic

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// DefaultTenants is how many tenants a recorder tells apart. An hour of one
// takes 9 KB.
const DefaultTenants = 256

// Recorder counts requests by the minute. Tenants beyond its limit are counted
// together, as others; each minute the least busy ones give room, so that who
// becomes busy is among the busiest within a minute or two. It is safe for
// concurrent use.
type Recorder struct {
	limit int
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	minute  int64      // since 1970, of the last request
	crowded bool       // some tenant found no room since the last minute turned
	all     series
	tenants map[string]*series // by id
}

// New makes a recorder that tells at most limit tenants apart, by the clock now.
func New(limit int, now func() time.Time) *Recorder {
	return &Recorder{limit: limit, now: now, tenants: map[string]*series{}}
}

// Record counts a request that took so long. tenantID is empty where there was
// no tenant; failed says that the server was at fault.
func (r *Recorder) Record(tenantID string, failed bool, took time.Duration) {
	minute, bucket := minuteOf(r.now()), bucketOf(took)
	r.mu.Lock()
	defer r.mu.Unlock()
	minute = max(minute, r.minute) // the clock may have been set back
	if minute > r.minute {
		r.turn(minute)
	}
	r.all.count(minute, failed, bucket)
	if tenantID == "" {
		return
	}
	of := r.tenants[tenantID]
	if of == nil {
		if len(r.tenants) >= r.limit {
			r.crowded = true
			return
		}
		of = &series{}
		r.tenants[tenantID] = of
	}
	of.count(minute, failed, bucket)
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// turn begins a minute. Who had no request in an hour is forgotten; where that
// isn't enough, the least busy of the others give room.
func (r *Recorder) turn(minute int64) {
	r.minute = minute
	if !r.crowded {
		return
	}
	r.crowded = false
	ranks := r.ranks()
	for i := r.limit * 3 / 4; i < len(ranks); i++ {
		delete(r.tenants, ranks[i].TenantID)
	}
}

// Hour is the last hour of a tenant's requests, or of all where tenantID is
// empty.
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

// Rank is a tenant's last hour in short.
type Rank struct {
	TenantID string
	Total
}

// Busiest are the tenants with the most requests in the last hour, at most n.
func (r *Recorder) Busiest(n int) []Rank {
	minute := minuteOf(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.minute = max(minute, r.minute)
	ranks := r.ranks()
	return ranks[:min(n, len(ranks))]
}

// ranks are all tenants with requests in the last hour, the busiest first. Who
// has none is forgotten. The lock is held.
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
