package traffic_test

import (
	"fmt"
	"testing"
	"time"

	"tenantry/tenants/traffic"
)

// tallied returns the requests of the tallies, by tenant.
func tallied(r *traffic.Recorder) map[string]int64 {
	all := map[string]int64{}
	for _, tally := range r.Tallies() {
		all[tally.Tenant] += tally.Requests
	}
	return all
}

// TestTallies: the busiest tenants have tallies of their own, those of the others are
// counted together, and no request is counted twice.
func TestTallies(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := traffic.New(traffic.DefaultTenants, c.now)
	record := func(tenant string, n int) {
		for range n {
			r.Record(traffic.Request{TenantID: "id of " + tenant, Tenant: tenant, Failed: true, Took: time.Second})
		}
	}
	for i := range traffic.Tallied {
		record(fmt.Sprintf("early%d", i), 1+i)
	}
	record("late", 40)
	if got := tallied(r); len(got) != traffic.Tallied+1 || got[""] != 40 || got["early7"] != 8 {
		t.Errorf("%v", got)
	}
	c.pass(1)
	record("late", 3) // is among the busiest since the minute began
	record("early0", 2)
	got := tallied(r)
	if _, still := got["early0"]; still || got["late"] != 3 || got[""] != 42 || got["early7"] != 8 {
		t.Errorf("%v", got)
	}
	if all := r.Tallies(); all[0].Failed != all[0].Requests || all[0].Took != time.Duration(all[0].Requests)*time.Second {
		t.Errorf("%+v", all[0])
	}
	r.Record(traffic.Request{TenantID: "id of late", Tenant: "renamed"})
	if got := tallied(r); got["renamed"] != 4 || got["late"] != 0 {
		t.Errorf("after a rename: %v", got)
	}
	r.Record(traffic.Request{TenantID: ""})
	if got := tallied(r); got[""] != 42 {
		t.Errorf("a request without a tenant is counted as one of a tenant's")
	}
}
