package command

import (
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants/tenantstest/wait"
)

// TestAMasterAheadStopsTheStart has a newer build migrate the master. No command
// of this build goes on then.
func TestAMasterAheadStopsTheStart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		a := s.open(t)
		run := func(statement string) {
			if err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Exec(statement).Error }); err != nil {
				t.Fatal(err)
			}
		}
		run("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)")
		defer run("DELETE FROM goose_db_version WHERE version_id = 999")
		for _, command := range []string{"serve --addr=127.0.0.1:0 --operator-addr=127.0.0.1:0", "tenant list", "migrate up", "doctor"} {
			r := s.run(t, strings.Fields(command)...)
			if r.status != exitFailed || !strings.Contains(r.stderr, "schema version 999") || !strings.Contains(r.stderr, "run the newer build") ||
				strings.Contains(r.stderr, "check") {
				t.Errorf("%s: status %d, %s", command, r.status, r.stderr)
			}
		}
	})
}

// TestVersionsThatAreNotServed asks for tenants behind and ahead, as a program
// and as a person.
func TestVersionsThatAreNotServed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t, "--lazy-migrate", "off")
		for _, version := range []int64{1, 999} {
			s.setVersion(t, "acme", version)
			wait.Until(t, fmt.Sprintf("503 at version %d", version), func() bool {
				r := srv.as(t, "", "GET", "acme", "/api/projects", "")
				return r.status == 503 && r.header.Get("Retry-After") != "" && strings.Contains(r.body, "urn:tenantry:problem:schema-version")
			})
			if r := send(t, srv.public, "GET / HTTP/1.1\r\nHost: acme.localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n"); r.status != 503 ||
				!strings.Contains(r.body, "being upgraded") || !strings.Contains(r.body, "Try again") {
				t.Errorf("page at version %d: %d %s", version, r.status, r.body)
			}
			r := s.run(t, "doctor")
			if r.status != exitFailed || !strings.Contains(r.stdout, "acme") {
				t.Errorf("doctor at version %d: %d %s", version, r.status, r.stdout)
			}
		}
	})
}

// TestTheFirstRequestMigrates asks for a tenant that is behind: it is migrated then on SQLite, and on each engine if that
// is set.
func TestTheFirstRequestMigrates(t *testing.T) {
	t.Parallel()
	migrates := func(t *testing.T, s site, args ...string) {
		t.Helper()
		s.create(t, "acme")
		s.setVersion(t, "acme", 1)
		s.serve(t, args...).get(t, "acme", "/api/projects").expect(t, 200)
		s.must(t, "migrate", "status")
	}
	t.Run("by default", func(t *testing.T) { t.Parallel(); migrates(t, newSQLite(t)) })
	each(t, func(t *testing.T, s site) { migrates(t, s, "--lazy-migrate", "on") })
}
