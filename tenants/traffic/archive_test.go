package traffic_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

// process is what one of several processes with a master counts.
type process struct {
	*traffic.Archive
	recorder *traffic.Recorder
}

func newProcess(env *tenantstest.Env, c *clock) process {
	r := traffic.New(traffic.DefaultTenants, c.now)
	return process{traffic.NewArchive(r, env.Store.Master()), r}
}

func (p process) record(tenantID string, n int) {
	for range n {
		p.recorder.Record(traffic.Request{TenantID: tenantID, Group: traffic.Group{Server: "north"}, Failed: tenantID == "bad", Took: 10 * time.Millisecond})
	}
}

// write writes what is due.
func (p process) write(t *testing.T) {
	t.Helper()
	if err := p.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// hour returns the last hour.
func (p process) lastHour(t *testing.T, tenantID string) traffic.Hour {
	t.Helper()
	h, err := p.Hour(t.Context(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// rows counts rows of a span in the master.
func rows(t *testing.T, env *tenantstest.Env, span string) (n int64) {
	t.Helper()
	err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.TrafficCount{}).Where("span = ?", span).Count(&n).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHourOfAllProcesses: each process sees the requests of all, those of processes that
// have ended too, and its own only once.
func TestHourOfAllProcesses(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		c := newClock()
		one, two := newProcess(env, c), newProcess(env, c)
		one.record("a", 3)
		two.record("a", 4)
		two.record("bad", 2)
		one.record("", 1)
		c.pass(1)
		for range 2 { // the second time nothing is due
			one.write(t)
			two.write(t)
		}
		one.record("a", 5)
		if h := one.lastHour(t, ""); h.Requests != 15 || h.Failed != 2 || h.Minutes[58].Requests != 10 || h.Minutes[59].Requests != 5 ||
			h.P95 < 8*time.Millisecond || h.P95 > 13*time.Millisecond {
			t.Errorf("%+v", h.Total)
		}
		if h := two.lastHour(t, "a"); h.Requests != 7 {
			t.Errorf("the minute that is running in another process: %+v", h.Total)
		}
		if err := one.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		restarted := newProcess(env, c)
		if h := restarted.lastHour(t, "a"); h.Requests != 12 {
			t.Errorf("after a restart: %+v", h.Total)
		}
		if h := restarted.lastHour(t, traffic.OfServer("north")); h.Requests != 14 || h.Failed != 2 {
			t.Errorf("of a server: %+v", h.Total)
		}
		ranks, err := restarted.Busiest(t.Context(), 5)
		if err != nil || len(ranks) != 2 || ranks[0].TenantID != "a" || ranks[0].Requests != 12 || ranks[1].Failed != 2 {
			t.Errorf("%+v, %v", ranks, err)
		}
		c.pass(60)
		if h := restarted.lastHour(t, ""); h.Requests != 0 {
			t.Errorf("an hour later: %+v", h.Total)
		}
	})
}

// TestAnIdleProcessWritesNothing, nor does one that can't, until it can.
func TestAnIdleProcessWritesNothing(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	c := newClock()
	p := newProcess(env, c)
	for range 200 {
		c.pass(1)
		p.write(t)
	}
	if n := rows(t, env, tenants.SpanMinute); n != 0 {
		t.Errorf("%d rows", n)
	}
	p.record("a", 1)
	c.pass(1)
	if err := p.Write(ended(t)); err == nil {
		t.Error("written without a master")
	}
	c.pass(1)
	p.write(t)
	if n := rows(t, env, tenants.SpanMinute); n != 3 { // all, the server and the tenant
		t.Errorf("%d rows, want 3", n)
	}
}

// TestTheArchiveIsBounded lets 60 of 70 tenants take turns for weeks: the master has the
// minutes of two hours and the hours of four weeks, for the busiest tenants.
func TestTheArchiveIsBounded(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		c := newClock()
		p := newProcess(env, c)
		step := func(minutes, tenants int) {
			for i := range tenants {
				p.record(fmt.Sprintf("t%d", i), 1)
			}
			c.pass(minutes)
			p.write(t)
		}
		for range 30 { // days
			step(24*60, 2)
		}
		if n := rows(t, env, tenants.SpanHour); n > 4*29 {
			t.Errorf("%d rows of hours", n)
		}
		for range 20 {
			step(10, 70)
		}
		if n := rows(t, env, tenants.SpanMinute); n > 151*(2+traffic.Archived)/10+2+traffic.Archived {
			t.Errorf("%d rows of minutes", n)
		}
		var busiest []tenants.TrafficCount
		err := env.Store.Master().View(t.Context(), func(tx *gorm.DB) error {
			return tx.Order("at DESC, requests DESC, tenant_id").Find(&busiest, "span = ?", tenants.SpanHour).Error
		})
		if err != nil || busiest[0].TenantID != "" || busiest[0].Requests != 6*70 && busiest[0].Requests != 5*70 ||
			busiest[1].Requests != busiest[0].Requests || busiest[2].Requests*70 != busiest[0].Requests {
			t.Errorf("%+v, %v", busiest[:3], err)
		}
	})
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
