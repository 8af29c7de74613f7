package command

import (
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/wait"
)

// TestAServerTakesOver kills a command in the middle, beside a server that runs,
// and prints how long it took until the server went on with it: it sees at its next
// look that the process has ended. A process on another machine may only be cut off,
// and is counted dead later than this test waits.
func TestAServerTakesOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		srv.expect(t, "acme", http.StatusOK)
		begin := time.Now()
		dying := []string{envKillAt + "=rename/drain/before"}
		if runtime.GOOS != "linux" { // others can't see that it has ended
			dying = append(dying, "TENANTRY_INSTANCE_TTL=2s")
		}
		if r := s.process(t, dying, "tenant", "rename", "acme", "apex"); !r.killed {
			t.Fatalf("not killed: %s", r.stderr)
		}
		wait.Until(t, "apex to be served", func() bool {
			return srv.as(t, "", "GET", "apex", "/api/me", "").status == http.StatusUnauthorized
		})
		t.Logf("taken over after %v", time.Since(begin).Round(time.Millisecond))
		srv.expect(t, "acme", http.StatusNotFound)
	})
}

// TestKilledWhileARestoreIsUndone: of a tenant whose data is lost from the
// trash. However far the undoing came, the tenant is purged in the end.
func TestKilledWhileARestoreIsUndone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		k := &killer{site: s, app: s.open(t)}
		lost := scenario{kind: tenants.KindRestore, prepare: "create archive purge lose", command: "tenant restore X"}
		passed, err := k.passed(t, lost)
		if err != nil || !slices.Contains(passed, "restore/undo/after") {
			t.Fatalf("points %q, %v", passed, err)
		}
		var victims []victim
		for _, point := range passed {
			victims = append(victims, victim{lost, k.subdomain(), point, []string{"purged"}})
		}
		several(t, victims, func(v victim) error { return k.prepare(t.Context(), v.prepare, v.subdomain) })
		k.kill(t, victims)
		k.serve(t, victims)
	})
}
