package fleet

import (
	"testing"
	"time"

	"tenantry/tenants/traffic"
)

// TestJudge has requests of migrated tenants and of the others.
func TestJudge(t *testing.T) {
	t.Parallel()
	of := func(requests, failed int64, p95 time.Duration) traffic.Total {
		return traffic.Total{Requests: requests, Failed: failed, P95: p95}
	}
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		gate             Gate
		migrated, others traffic.Total
		closes           bool
	}{
		"alike":                        {Gate{}, of(1000, 5, 40*ms), of(9000, 40, 30*ms), false},
		"slow":                         {Gate{}, of(1000, 0, 90*ms), of(9000, 0, 30*ms), true},
		"slow alike":                   {Gate{}, of(1000, 0, 900*ms), of(9000, 0, 800*ms), false},
		"slower by little":             {Gate{}, of(1000, 0, 9*ms), of(9000, 0, 1*ms), false},
		"allowed to be slow":           {Gate{MaxSlowdown: 4}, of(1000, 0, 90*ms), of(9000, 0, 30*ms), false},
		"failing":                      {Gate{}, of(1000, 30, 30*ms), of(9000, 9, 30*ms), true},
		"failing alike":                {Gate{}, of(1000, 300, 30*ms), of(9000, 2700, 30*ms), false},
		"allowed to fail":              {Gate{MaxErrors: 5}, of(1000, 30, 30*ms), of(9000, 9, 30*ms), false},
		"too few of migrated":          {Gate{}, of(99, 99, time.Second), of(9000, 0, 30*ms), false},
		"too few of the others":        {Gate{}, of(1000, 1000, time.Second), of(99, 0, 30*ms), false},
		"fewer are enough":             {Gate{MinRequests: 10}, of(99, 99, time.Second), of(99, 0, 30*ms), true},
		"no requests at all":           {Gate{MinRequests: 1}, of(0, 0, 0), of(0, 0, 0), false},
		"failing although much faster": {Gate{}, of(1000, 1000, 1*ms), of(9000, 0, 300*ms), true},
	} {
		if finding, closes := c.gate.judge(c.migrated, c.others); closes != c.closes || finding == "" {
			t.Errorf("%s: closes: %t, %s", name, closes, finding)
		}
	}
}
