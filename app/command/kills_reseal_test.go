package command

import (
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// TestKilledWhileResealing kills the doctor at each point at which it seals
// secrets anew. It does so for many tenants at once, so that they are not among
// those of TestKilledAtEveryPoint.
func TestKilledWhileResealing(t *testing.T) {
	t.Parallel()
	s := newPostgres(t)
	older := seal.GenerateKey()
	k := &killer{site: s.with("TENANTRY_SECRET_KEY=" + older)}
	k.app = k.site.open(t)
	victims := []string{"t1", "t2", "t3"}
	for _, subdomain := range victims {
		if err := k.prepare(t.Context(), "create", subdomain); err != nil {
			t.Fatal(err)
		}
	}
	points := []string{""}
	for i := 0; i < len(points); i++ { // the first time none is killed, and the points are seen
		newer := seal.GenerateKey()
		both := s.with("TENANTRY_SECRET_KEY=" + newer + "," + older)
		r := both.process(t, []string{envTellPoints + "=1", envKillAt + "=" + points[i]}, "doctor", "--repair")
		if i == 0 {
			points = append(points, pointsOf(t, tenants.KindReseal, r)...)
		} else if !r.killed {
			t.Errorf("not killed at %s: status %d, %s", points[i], r.status, r.stderr)
		}
		if err := k.expire(t.Context(), r.pid); err != nil {
			t.Fatal(err)
		}
		if r := both.process(t, nil, "doctor", "--repair"); r.status != exitDone {
			t.Errorf("killed at %s: repair: status %d, %s%s", points[i], r.status, r.stdout, r.stderr)
		}
		after := s.with("TENANTRY_SECRET_KEY=" + newer)
		if got := after.must(t, "doctor"); got != "all is well\n" {
			t.Errorf("killed at %s: %s", points[i], got)
		}
		k.app = after.open(t)
		for _, subdomain := range victims {
			k.expectRow(t, subdomain)
		}
		older = newer
	}
}
