package traffic_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tenantry/tenants/traffic"
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func newClock() *clock            { return &clock{time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)} }
func (c *clock) now() time.Time   { return c.at }
func (c *clock) pass(minutes int) { c.at = c.at.Add(time.Duration(minutes) * time.Minute) }
func requests(h traffic.Hour) []int64 {
	var all []int64
	for _, m := range h.Minutes {
		all = append(all, m.Requests)
	}
	return all
}

func TestHour(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := traffic.New(2, c.now)
	for range 3 {
		r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 10 * time.Millisecond})
	}
	c.pass(1)
	r.Record(traffic.Request{TenantID: "a", Failed: true, Took: time.Second})
	r.Record(traffic.Request{TenantID: "", Failed: false, Took: time.Millisecond})
	h := r.Hour("a")
	if got := requests(h); got[58] != 3 || got[59] != 1 || h.Requests != 4 || h.Failed != 1 ||
		h.Minutes[59].Failed != 1 || h.Minutes[58].Failed != 0 {
		t.Errorf("%+v", h)
	}
	if at := h.Minutes[59].At; !at.Equal(time.Date(2030, 1, 2, 3, 5, 0, 0, time.UTC)) {
		t.Errorf("the last minute begins at %v", at)
	}
	if all := r.Hour(""); all.Requests != 5 {
		t.Errorf("all: %+v", all.Total)
	}
	if none := r.Hour("nobody"); none.Requests != 0 || none.P95 != 0 || none.Minutes[0].At.IsZero() {
		t.Errorf("nobody: %+v", none.Total)
	}
}

// TestHoursPass: what is older than an hour is forgotten, also when nothing
// came since, and when the ring goes round.
func TestHoursPass(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := traffic.New(2, c.now)
	r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 0})
	for _, step := range []struct {
		minutes int
		want    int64
	}{{59, 1}, {1, 0}} {
		c.pass(step.minutes)
		if got := r.Hour("a").Requests; got != step.want {
			t.Errorf("after %d minutes: %d, want %d", step.minutes, got, step.want)
		}
	}
	for range 150 {
		c.pass(1)
		r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 0})
	}
	if got := r.Hour("a"); got.Requests != 60 || got.Minutes[0].Requests != 1 {
		t.Errorf("%v", requests(got))
	}
	c.pass(-10)
	r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 0})
	if got := r.Hour("a").Minutes[59].Requests; got != 2 {
		t.Errorf("with the clock set back: %d", got)
	}
}

func TestP95(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fast, slow  int
		least, most time.Duration
	}{
		{100, 0, 8 * time.Millisecond, 12288 * time.Microsecond},
		{96, 4, 8 * time.Millisecond, 12288 * time.Microsecond},
		{90, 10, time.Second, 2 * time.Second},
		{0, 1, time.Second, 2 * time.Second},
	} {
		r := traffic.New(1, newClock().now)
		for range test.fast {
			r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 10 * time.Millisecond})
		}
		for range test.slow {
			r.Record(traffic.Request{TenantID: "a", Failed: false, Took: 1300 * time.Millisecond})
		}
		if got := r.Hour("a").P95; got < test.least || got > test.most {
			t.Errorf("%d fast and %d slow: %v", test.fast, test.slow, got)
		}
	}
	for _, took := range []time.Duration{-time.Second, 0, time.Microsecond, time.Hour} {
		r := traffic.New(1, newClock().now)
		r.Record(traffic.Request{TenantID: "", Failed: false, Took: took})
		if got := r.Hour("").P95; got < 0 || got > time.Minute {
			t.Errorf("%v is told as %v", took, got)
		}
	}
}

// TestBusiest: the least busy give room to who becomes busy.
func TestBusiest(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := traffic.New(4, c.now)
	for i := range 8 { // t0 … t3 find room
		for range i + 1 {
			r.Record(traffic.Request{TenantID: fmt.Sprintf("t%d", i), Failed: false, Took: 0})
		}
	}
	if got := r.Busiest(10); len(got) != 4 || got[0].TenantID != "t3" || got[0].Requests != 4 ||
		got[3].TenantID != "t0" {
		t.Errorf("%+v", got)
	}
	c.pass(1)
	r.Record(traffic.Request{TenantID: "t7", Failed: false, Took: 0})
	r.Record(traffic.Request{TenantID: "t7", Failed: false, Took: 0})
	got := r.Busiest(3)
	if len(got) != 3 || got[0].TenantID != "t3" || got[2].TenantID != "t1" && got[2].TenantID != "t7" ||
		r.Hour("t0").Requests != 0 {
		t.Errorf("%+v", got)
	}
	if all := r.Hour("").Requests; all != 38 {
		t.Errorf("all: %d", all)
	}
	r.Record(traffic.Request{TenantID: "t8", Failed: false, Took: 0})
	r.Record(traffic.Request{TenantID: "t9", Failed: false, Took: 0})
	c.pass(90) // everybody is forgotten
	r.Record(traffic.Request{TenantID: "t5", Failed: false, Took: 0})
	if got := r.Busiest(9); len(got) != 1 || got[0].TenantID != "t5" {
		t.Errorf("%+v", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := traffic.New(8, time.Now)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 1000 {
				r.Record(traffic.Request{TenantID: fmt.Sprint((i + j) % 20), Failed: j%2 == 0, Took: time.Duration(j) * time.Microsecond})
				if j%100 == 0 {
					r.Busiest(3)
					r.Hour("1")
				}
			}
		})
	}
	all.Wait()
	if got := r.Hour("").Requests; got != 8000 {
		t.Errorf("%d", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	r := traffic.New(traffic.DefaultTenants, time.Now)
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("01m83w7j3cnjehdhxm6019k%03d", i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			r.Record(traffic.Request{TenantID: ids[i%len(ids)], Failed: false, Took: 3 * time.Millisecond})
		}
	})
}

func BenchmarkHour(b *testing.B) {
	r := traffic.New(traffic.DefaultTenants, time.Now)
	for i := range 100_000 {
		r.Record(traffic.Request{TenantID: fmt.Sprint(i % 300), Failed: false, Took: time.Duration(i) * time.Microsecond})
	}
	for b.Loop() {
		r.Hour("")
		r.Busiest(10)
	}
}
