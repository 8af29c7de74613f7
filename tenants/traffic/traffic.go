// Package traffic counts requests, in total and for each of the busiest tenants, in bounded
// memory: this process's of the last hour, and those of all processes in the master.
//
//	traffic.go the recorder of this process
//	series.go  an hour of minutes
//	tally.go   counters of the busiest tenants
//	live.go    the last seconds
//	buckets.go durations of requests
//	archive.go writes the minutes into the master; rollup.go adds them up to hours
//	history.go reads those of all processes
//	load.go    writes what this process does now
//	top.go     reads what all do; topsize.go
//	groups.go  counts by schema version
package traffic

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultTenants is the number of tenants that a recorder counts separately. One
// tenant's hour takes 10 KB.
const DefaultTenants = 256

// tracked are the requests of a tenant, or all: of an hour by the minute, and of
// the last seconds by the slot.
type tracked struct{ minutes, live *series }

func newTracked() *tracked { return &tracked{newSeries(Minutes), newSeries(liveSlots + 1)} }

func (t *tracked) count(minute, slot int64, failed bool, bucket int) {
	t.minutes.count(minute, failed, bucket)
	t.live.count(slot, failed, bucket)
}

// Recorder counts requests by the minute. Requests of tenants beyond its limit are
// only part of the total. When a minute begins, the least busy tenants are dropped
// if others found no room, so a tenant that becomes busy is counted within a minute
// or two. It is safe for concurrent use.
type Recorder struct {
	limit int
	now   func() time.Time

	mu      sync.Mutex // guards what follows
	minute  int64      // of the last request, in minutes since 1970
	slot    int64      // of the last request
	crowded bool       // whether a tenant found no room since the minute began
	all     *tracked
	tenants map[string]*tracked // by id
	servers map[string]*series  // by OfServer
	tallies tallies
	byGroup groupCounts
}

// New returns a recorder that counts at most limit tenants separately. now returns
// the time.
func New(limit int, now func() time.Time) *Recorder {
	return &Recorder{limit: limit, now: now, all: newTracked(), tenants: map[string]*tracked{}, servers: map[string]*series{}, tallies: tallies{busiest: map[string]*Tally{}}, byGroup: groupCounts{}}
}

// Request is a request that was answered.
type Request struct {
	// TenantID and Tenant are the tenant's id and its subdomain. They are empty if the request had none.
	TenantID, Tenant string
	// Group is the tenant's.
	Group Group
	// Failed means that the server was at fault.
	Failed bool
	Took   time.Duration
}

// Record counts a request.
func (r *Recorder) Record(q Request) {
	now, bucket := r.now(), bucketOf(q.Took)
	minute, slot := minuteOf(now), slotOf(now)
	r.mu.Lock()
	defer r.mu.Unlock()
	minute, slot = max(minute, r.minute), max(slot, r.slot) // the clock may have been set back
	r.slot = slot
	if minute > r.minute {
		r.turn(minute)
	}
	r.all.count(minute, slot, q.Failed, bucket)
	if q.TenantID == "" {
		return
	}
	r.tallies.count(q)
	r.byGroup.count(q.Group, q.Failed, bucket)
	if q.Group.Server != "" {
		r.countServer(OfServer(q.Group.Server), minute, q.Failed, bucket)
	}
	of := r.tenants[q.TenantID]
	if of == nil {
		if len(r.tenants) >= r.limit {
			r.crowded = true
			return
		}
		of = newTracked()
		r.tenants[q.TenantID] = of
	}
	of.count(minute, slot, q.Failed, bucket)
}

// OfServer is in place of a tenant's id for all tenants on a server.
func OfServer(name string) string { return serverMark + name }

// serverMark begins no tenant's id.
const serverMark = "@"

// maxServers limits the servers that a process counts. Requests to others are only part of the total.
const maxServers = 64

// countServer counts a request to a tenant on a server. The caller holds mu.
func (r *Recorder) countServer(server string, minute int64, failed bool, bucket int) {
	of := r.servers[server]
	if of == nil {
		if len(r.servers) >= maxServers {
			return
		}
		of = newSeries(Minutes)
		r.servers[server] = of
	}
	of.count(minute, failed, bucket)
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// timeOf returns the beginning of a minute.
func timeOf(minute int64) time.Time { return time.Unix(minute*60, 0).UTC() }

// turn begins a minute. If there was no room, it drops the tenants without requests
// in the last hour and, if that isn't enough, the least busy of the others.
func (r *Recorder) turn(minute int64) {
	r.minute = minute
	if len(r.tenants) > Tallied {
		requests := make(map[string]int64, len(r.tenants))
		for id, of := range r.tenants {
			requests[id] = of.minutes.requests(minute)
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
// is empty, or of those on a server if it is OfServer's.
func (r *Recorder) Hour(tenantID string) Hour {
	minute := minuteOf(r.now())
	r.mu.Lock()
	defer r.mu.Unlock()
	minute = max(minute, r.minute)
	counts := r.hour(tenantID, minute)
	return hourOf(&counts, minute)
}

// hour returns the counts of Hour. The caller holds mu.
func (r *Recorder) hour(tenantID string, minute int64) (minutes [Minutes]counts) {
	if of := r.minutesOf(tenantID); of != nil {
		return of.hour(minute)
	}
	return minutes
}

// minutesOf returns what Hour counts, or nil. The caller holds mu.
func (r *Recorder) minutesOf(tenantID string) *series {
	of := r.all
	switch {
	case strings.HasPrefix(tenantID, serverMark):
		return r.servers[tenantID]
	case tenantID != "":
		of = r.tenants[tenantID]
	}
	if of == nil {
		return nil
	}
	return of.minutes
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
		total := of.minutes.total(r.minute)
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
