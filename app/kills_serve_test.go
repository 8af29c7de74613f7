package app

import (
	"net/http"
	"testing"
	"time"
)

// TestAServerTakesOver kills a command in the middle, beside a server that runs,
// and prints how long that took to go on with it: at most the time for which a
// process that fell silent is counted alive, and as long again until the server
// looks.
func TestAServerTakesOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s = s.with("TENANTRY_INSTANCE_TTL=1s")
		s.create(t, "acme")
		srv := s.serve(t)
		srv.expect(t, "acme", http.StatusOK)
		begin := time.Now()
		if r := s.process(t, []string{envKillAt + "=rename/drain/before"}, "tenant", "rename", "acme", "apex"); !r.killed {
			t.Fatalf("not killed: %s", r.stderr)
		}
		eventually(t, "apex to be served", func() bool {
			return srv.as(t, "", "GET", "apex", "/api/me", "").status == http.StatusUnauthorized
		})
		t.Logf("taken over after %v", time.Since(begin).Round(time.Millisecond))
		srv.expect(t, "acme", http.StatusNotFound)
	})
}
