package command

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tenantry/tenants/tenantstest/wait"
)

// TestSuspendBesideAServer suspends, resumes and renames a tenant while two
// processes serve it, and prints how long it took from the beginning of the
// command until each answered so. One second is promised.
func TestSuspendBesideAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		servers := []*server{s.serve(t), s.spawn(t)}
		for _, srv := range servers {
			srv.expect(t, "acme", http.StatusOK)
			srv.expect(t, "globex", http.StatusOK)
		}
		for _, step := range []struct {
			command string
			said    string
			status  int
		}{
			{"suspend acme", "tenant acme is suspended\n", http.StatusForbidden},
			{"resume acme", "tenant acme is active\n", http.StatusOK},
			{"rename acme apex", "tenant acme is now apex, and active\n", http.StatusNotFound},
			{"rename apex acme", "tenant apex is now acme, and active\n", http.StatusOK},
		} {
			begin := time.Now()
			if got := s.must(t, append([]string{"tenant"}, strings.Fields(step.command)...)...); got != step.said {
				t.Errorf("%s says %q", step.command, got)
			}
			for i, srv := range servers {
				srv.expect(t, "acme", step.status)
				t.Logf("%s in force in process %d after %v", step.command, i, time.Since(begin).Round(time.Millisecond))
				srv.expect(t, "globex", http.StatusOK)
			}
		}
		if got := s.must(t, "tenant", "resume", "acme", "--json"); !strings.Contains(got, `"state":"active"`) {
			t.Errorf("resume again: %s", got)
		}
		for line, want := range map[string]string{"nobody": "tenantry tenant list", "": "expected"} {
			if r := s.run(t, append([]string{"tenant", "suspend"}, strings.Fields(line)...)...); r.status == exitDone || !strings.Contains(r.stderr, want) {
				t.Errorf("suspend %q: status %d, %s", line, r.status, r.stderr)
			}
		}
	})
}

// expect asks until the status is as wanted. One second is promised; a slow
// machine gets more, and less than the half minute after which the registry
// asks again by itself.
func (srv *server) expect(t *testing.T, subdomain string, status int) {
	t.Helper()
	begin := time.Now()
	var last reply
	wait.Until(t, fmt.Sprintf("%d of %s", status, subdomain), func() bool {
		last = srv.get(t, subdomain, "/api/projects")
		return last.status == status
	})
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("%s answers %d after %v", subdomain, status, took)
	}
	if status == http.StatusForbidden && !strings.Contains(last.body, "problem:suspended") {
		t.Errorf("%s: %s", subdomain, last.body)
	}
}
