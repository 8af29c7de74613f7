package app

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSuspendBesideAServer suspends and resumes a tenant while two processes
// serve it, and prints how long it took to be in force. One second is promised;
// a slow machine fails at five.
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
			{"suspend", "tenant acme is suspended\n", http.StatusForbidden},
			{"resume", "tenant acme is active\n", http.StatusOK},
		} {
			if got := s.must(t, "tenant", step.command, "acme"); got != step.said {
				t.Errorf("%s says %q", step.command, got)
			}
			begin := time.Now()
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

// expect asks until the status is as wanted.
func (srv *server) expect(t *testing.T, subdomain string, status int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		r := srv.get(t, subdomain, "/api/projects")
		if r.status == status {
			if status == http.StatusForbidden && !strings.Contains(r.body, "problem:suspended") {
				t.Errorf("%s: %s", subdomain, r.body)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s answers %d after 5 seconds, want %d: %s", subdomain, r.status, status, r.body)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
