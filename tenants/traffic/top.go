package traffic

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Standing is what all processes do now.
type Standing struct {
	At time.Time `json:"at"`
	// Processes is how many processes serve requests.
	Processes int `json:"processes"`
	// Total is what all tenants do, with what has no tenant.
	Total Activity `json:"total"`
	// Tenants are the busiest ones.
	Tenants []TenantActivity `json:"items"`
	// Next is always nil, as in a list without further pages.
	Next *string `json:"next"`
}

// TenantActivity is what a tenant does now.
type TenantActivity struct {
	ID string `json:"id"`
	// Subdomain and Server are empty if the tenant no longer exists.
	Subdomain string `json:"subdomain"`
	Server    string `json:"server"`
	Activity
	// Size is the size of the tenant's database in bytes, or nil if it isn't known.
	Size *int64 `json:"size_bytes"`
}

// Activity is what happened in the last seconds.
type Activity struct {
	Requests float64 `json:"requests_per_second"`
	Failures float64 `json:"failures_per_second"`
	// P95 is the 95th percentile of the requests' durations in seconds, or 0 without requests.
	P95 float64 `json:"p95_seconds"`
	// Connections are those that are open now, and Waiting is how many scopes wait.
	Connections int `json:"connections"`
	Waiting     int `json:"waiting"`
}

// Sorts returns the orders of Top.Read.
func Sorts() []string {
	return []string{"requests", "failures", "p95", "connections", "waiting", "size"}
}

// MaxTop limits the tenants of a Standing.
const MaxTop = 200

// loadLife is how long a process's load counts: as long as it can fail to write a few times.
const loadLife = 5 * TellTime

// Top reads from the master what all processes do. It is safe for concurrent use.
type Top struct {
	store *tenants.Store
	sizes sizes
}

// NewTop returns a Top for the processes that share the store's master.
func NewTop(store *tenants.Store) *Top {
	return &Top{store: store, sizes: sizes{known: map[string]size{}}}
}

// Read returns at most limit tenants in the order of sort, one of Sorts. Each process tells of its fifty
// busiest tenants, so more are never in the order. What it tells is at most a few seconds old.
func (t *Top) Read(ctx context.Context, sort string, limit int) (Standing, error) {
	now, sums, err := t.read(ctx)
	if err != nil {
		return now, err
	}
	found, err := t.find(ctx, sums)
	if err != nil {
		return now, err
	}
	for id, sum := range sums {
		row := TenantActivity{ID: id, Activity: sum.activity()}
		if tenant := found[id]; tenant != nil {
			row.Subdomain, row.Server = tenant.Subdomain, tenant.Server
		}
		now.Tenants = append(now.Tenants, row)
	}
	if sort == "size" {
		t.measure(ctx, now.Tenants, found)
	}
	slices.SortFunc(now.Tenants, func(a, b TenantActivity) int {
		return cmp.Or(cmp.Compare(rank(&b, sort), rank(&a, sort)), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.ID, b.ID))
	})
	now.Tenants = now.Tenants[:min(limit, len(now.Tenants))]
	if sort != "size" {
		t.measure(ctx, now.Tenants, found)
	}
	return now, nil
}

// rank returns the number by which a tenant is sorted.
func rank(t *TenantActivity, sort string) float64 {
	switch sort {
	case "failures":
		return t.Failures
	case "p95":
		return t.P95
	case "connections":
		return float64(t.Connections)
	case "waiting":
		return float64(t.Waiting)
	case "size":
		if t.Size == nil {
			return -1
		}
		return float64(*t.Size)
	}
	return t.Requests
}

// sum adds up what several processes tell of a tenant.
type sum struct {
	counts
	seconds              float64
	connections, waiting int
}

func (s *sum) add(l *tenantLoad, seconds float64) {
	s.counts.add(&counts{l.Requests, l.Failed, parseTook(l.Took)})
	s.seconds = max(s.seconds, seconds)
	s.connections += l.Connections
	s.waiting += l.Waiting
}

func (s *sum) activity() Activity {
	seconds := max(s.seconds, 1)
	return Activity{
		Requests: float64(s.requests) / seconds, Failures: float64(s.failed) / seconds, P95: percentile(&s.took, 95).Seconds(),
		Connections: s.connections, Waiting: s.waiting,
	}
}

// read adds up the loads of all processes, in total and by tenant.
func (t *Top) read(ctx context.Context) (now Standing, byTenant map[string]*sum, err error) {
	var loads []tenants.ProcessLoad
	err = t.store.Master().View(ctx, func(tx *gorm.DB) (err error) {
		if now.At, err = t.store.Master().Now(tx); err != nil {
			return err
		}
		return tx.Find(&loads, "at > ?", now.At.Add(-loadLife)).Error
	})
	if err != nil {
		return now, nil, fmt.Errorf("read the loads of processes: %w", err)
	}
	var all sum
	byTenant = map[string]*sum{}
	for i := range loads {
		var l load
		if err := json.Unmarshal([]byte(loads[i].Load), &l); err != nil || l.idle() {
			continue // another version's
		}
		now.Processes++
		all.add(&l.All, l.Seconds)
		for j := range l.Tenants {
			of := byTenant[l.Tenants[j].ID]
			if of == nil {
				of = &sum{}
				byTenant[l.Tenants[j].ID] = of
			}
			of.add(&l.Tenants[j], l.Seconds)
		}
	}
	now.Total, now.Tenants = all.activity(), []TenantActivity{}
	return now, byTenant, nil
}
