package app_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// TestPatroniFailsOver kills the leader of a cluster under Patroni, under load, twice: the second time the server that
// was killed first, which is a standby by then, takes over again. It runs with TENANTRY_TEST_LONG=1.
func TestPatroniFailsOver(t *testing.T) {
	if os.Getenv("TENANTRY_TEST_LONG") == "" {
		t.Skip("takes two minutes; runs with TENANTRY_TEST_LONG=1")
	}
	t.Parallel()
	cluster := pgcluster.NewPatroni(t)
	names := []string{"acme", "globex", "initech"}
	s := open(t, onPostgres(t, cluster.URL()), names...)
	w := s.write(names...)
	for _, created := range []string{"hooli", "umbrella"} {
		w.expectWork(t, 20)
		cluster.KillLeader()
		killed := time.Now()
		w.expectRefusals(t)
		cluster.AwaitPromotion()
		promoted := time.Now()
		w.expectWork(t, 1)
		t.Logf("promoted %v after the kill, all tenants served %v later", promoted.Sub(killed).Round(time.Millisecond), time.Since(promoted).Round(time.Millisecond))
		wait.Until(t, "the master", func() bool { return s.ask(http.MethodGet, "unknown", "/", "").Code == http.StatusNotFound })
		s.create(t, created, tenants.DefaultServer)
		cluster.Revive()
	}
	w.expectWork(t, 20)
	w.end(t, 2*2*len(names)) // one of each writer at each kill
}
