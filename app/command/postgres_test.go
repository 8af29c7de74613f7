package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/pgcluster"
)

// TestTenantWhoseRoleCantLogIn isn't made, and the operator is told why.
func TestTenantWhoseRoleCantLogIn(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	access := func(lines string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(cluster.Dir(), "data", "pg_hba.conf"), []byte(lines+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := connect(t, cluster.URL()).Exec(t.Context(), "SELECT pg_reload_conf(), pg_sleep(0.3)"); err != nil {
			t.Fatal(err)
		}
	}
	s := onPostgres(t, cluster.URL())
	access("local all postgres scram-sha-256\nlocal all all peer")
	r := s.run(t, "tenant", "create", "acme")
	if r.status != exitFailed || !strings.Contains(r.stderr, "pg_hba.conf") {
		t.Errorf("create: status %d, %s", r.status, r.stderr)
	}
	if got := s.must(t, "tenant", "list", "--json"); got != `{"items":[],"next":null}`+"\n" {
		t.Errorf("tenants: %s", got)
	}
	access("local all all scram-sha-256")
	s.create(t, "acme")
	if got := s.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("doctor: %s", got)
	}
}

// TestDoctorTellsOfOpenDatabases that a stolen role of a tenant could enter.
func TestDoctorTellsOfOpenDatabases(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	s := onPostgres(t, cluster.URL())
	s.create(t, "acme")
	conn := connect(t, cluster.URL())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE wiki"); err != nil {
		t.Fatal(err)
	}
	r := s.run(t, "doctor", "--no-header")
	const remedy = `REVOKE CONNECT ON DATABASE "wiki" FROM PUBLIC;`
	if r.status != exitFailed || !strings.HasPrefix(r.stdout, "database-open\twiki\t") || !strings.Contains(r.stdout, remedy) {
		t.Errorf("status %d, %s", r.status, r.stdout)
	}
	if _, err := conn.Exec(t.Context(), remedy); err != nil {
		t.Fatal(err)
	}
	if got := s.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("doctor: %s", got)
	}
}
