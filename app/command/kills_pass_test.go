package command

import (
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
)

// TestKilledInAPass kills commands that go over all tenants, at each point of the
// operation on one tenant. Recovery finishes or undoes that operation, and the
// same command, given again or with --resume, does the rest.
func TestKilledInAPass(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		k := &killer{site: s, app: s.open(t)}
		for name, test := range map[string]scenario{
			"migrate": {kind: tenants.KindMigrate, prepare: "behind", command: "migrate up"},
			"resume":  {kind: tenants.KindMigrate, prepare: "behind", command: "migrate up"},
			"copied":  {kind: tenants.KindMigrate, sqlite: true, prepare: "behind", command: "migrate up --keep-copies"},
			"version": {kind: tenants.KindRepair, prepare: "behind", command: "doctor --repair"},
			"moved":   {kind: tenants.KindRepair, prepare: "move", command: "doctor --repair"},
		} {
			if test.sqlite && engineOf(k.app).Dialect() != "sqlite" {
				continue
			}
			subdomain := name
			if err := k.prepare(t.Context(), "create", subdomain); err != nil {
				t.Fatal(err)
			}
			points := []string{""}
			for i := 0; i < len(points); i++ { // the first time none is killed, and the points are seen
				if err := k.prepare(t.Context(), test.prepare, subdomain); err != nil {
					t.Fatal(err)
				}
				r := s.process(t, []string{envTellPoints + "=1", envKillAt + "=" + points[i]}, strings.Fields(test.command)...)
				if i == 0 {
					points = append(points, pointsOf(t, test.kind, r)...)
					if name == "resume" {
						points = []string{"", "migrate/migrate/done"} // the database is migrated, and the master doesn't know it
					}
				} else if !r.killed {
					t.Fatalf("%s: not killed at %s: status %d, %s", name, points[i], r.status, r.stderr)
				}
				if err := k.expire(t.Context(), r.pid); err != nil {
					t.Fatal(err)
				}
				s.process(t, nil, "doctor", "--repair")
				command := test.command
				if name == "resume" && r.killed {
					command += " --resume"
				}
				again := s.process(t, nil, strings.Fields(command)...)
				if well := s.process(t, nil, "doctor"); again.status != exitDone || well.status != exitDone {
					t.Errorf("%s: killed at %s: again: %d %s%s; doctor: %s", name, points[i], again.status, again.stdout, again.stderr, well.stdout)
				}
				if got := k.look(t, subdomain); got != "X active" {
					t.Errorf("%s: killed at %s: the tenant is %q", name, points[i], got)
				}
				k.expectRow(t, subdomain)
			}
		}
	})
}

// pointsOf are the points of a kind of operation that a process has passed.
func pointsOf(t *testing.T, kind tenants.OperationKind, r ended) []string {
	t.Helper()
	points := slices.DeleteFunc(pointsIn(r.stderr), func(point string) bool { return !strings.HasPrefix(point, string(kind)+"/") })
	if len(points) < 2 {
		t.Fatalf("points %q; %s", points, r.stderr)
	}
	return points
}
