package console_test

import (
	"strings"
	"testing"
	"time"

	"tenantry/handlers/console"
	"tenantry/tenants/traffic"
)

func TestWordsForNumbers(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		console.Number(0): "0", console.Number(999): "999", console.Number(int64(1000)): "1,000",
		console.Number(uint64(12345678)): "12,345,678",
		console.ByteSize(0):              "0 bytes", console.ByteSize(999): "999 bytes", console.ByteSize(1000): "1.0 kB",
		console.ByteSize(12_345_678): "12 MB",
		console.ByteSize(9_990_000):  "10 MB", console.ByteSize(5e15): "5000 TB",
		console.Took(0): "–", console.Took(time.Microsecond): "< 0.1 ms",
		console.Took(1500 * time.Microsecond): "1.5 ms",
		console.Took(42 * time.Millisecond):   "42 ms", console.Took(61 * time.Second): "61 s",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for n, want := range map[int64]int64{-1: 1, 0: 1, 1: 1, 9: 9, 10: 10, 11: 20, 99: 100, 290: 300, 1000: 1000,
		1001: 2000} {
		if got := console.RoundUp(n); got != want {
			t.Errorf("%d is rounded up to %d, want %d", n, got, want)
		}
	}
}

// TestChartsStayWithin their drawing, whatever comes.
func TestChartsStayWithin(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { return at }
	recorder := traffic.New(1, now)
	for minute := range 60 {
		for i := range minute * minute {
			recorder.Record(traffic.Request{TenantID: "", Failed: i%7 == 0, Took: time.Duration(i) * time.Millisecond})
		}
		at = at.Add(time.Minute)
	}
	for _, hour := range []traffic.Hour{{}, recorder.Hour("")} {
		requests, latency := console.RequestsChart(hour), console.LatencyChart(hour)
		if requests.Empty != (hour.Requests == 0) || len(requests.Bars) != 60 || strings.Count(latency.Line, "M") > 1 {
			t.Errorf("%+v %q", requests, latency.Line)
		}
		for _, b := range requests.Bars {
			if b.Y < 0 || b.Y+b.Height != requests.Height() || b.FailedHeight > b.Height ||
				b.X+b.Width > requests.Width() {
				t.Errorf("%+v is not within", b)
			}
		}
	}
}
