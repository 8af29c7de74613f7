package traffic

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Tallied is the number of tenants that have a tally of their own.
const Tallied = 50

// Tally counts requests of a tenant since it became one of the busiest, or those of all other tenants.
// Its numbers only grow, for counters.
type Tally struct {
	// Tenant is the tenant's subdomain. It is empty for the other tenants.
	Tenant           string
	Requests, Failed int64
	// Took is the time that the requests took together.
	Took time.Duration
}

func (t *Tally) count(r Request) {
	t.Requests++
	t.Took += r.Took
	if r.Failed {
		t.Failed++
	}
}

// tallies has the tallies of the busiest tenants, by id, and that of the others.
type tallies struct {
	busiest map[string]*Tally
	other   Tally
}

// count counts a tenant's request. A tenant gets a tally of its own if there is room.
func (t *tallies) count(r Request) {
	own := t.busiest[r.TenantID]
	if own == nil && len(t.busiest) < Tallied {
		own = &Tally{}
		t.busiest[r.TenantID] = own
	}
	if own == nil {
		t.other.count(r)
		return
	}
	own.Tenant = r.Tenant // its subdomain may have changed
	own.count(r)
}

// choose gives the tallies to the tenants with the most requests. Others lose theirs, and begin at 0 when
// they get one again.
func (t *tallies) choose(requests map[string]int64) {
	if len(requests) <= Tallied {
		return
	}
	ids := slices.SortedFunc(maps.Keys(requests), func(a, b string) int {
		return cmp.Or(cmp.Compare(requests[b], requests[a]), cmp.Compare(a, b))
	})[:Tallied]
	chosen := make(map[string]*Tally, len(ids))
	for _, id := range ids {
		if chosen[id] = t.busiest[id]; chosen[id] == nil {
			chosen[id] = &Tally{}
		}
	}
	t.busiest = chosen
}

// Tallies returns the tallies of the busiest tenants and, last, that of all others. Two have the same
// tenant if a purged tenant had the subdomain before.
func (r *Recorder) Tallies() []Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Tally, 0, Tallied+1)
	for _, tally := range r.tallies.busiest {
		if tally.Requests > 0 {
			all = append(all, *tally)
		}
	}
	return append(all, r.tallies.other)
}
