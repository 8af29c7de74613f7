package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// TestRoleThatCantLogIn is on a server that lets the provisioner in and no
// tenant's role, as pg_hba.conf often has it for the socket.
func TestRoleThatCantLogIn(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		kept, trashed := filled(t, s.Engine), filled(t, s.Engine)
		if err := s.Trash(t.Context(), trashed); err != nil {
			t.Fatal(err)
		}
		s.setAccess(t, "local all all scram-sha-256")
		const peer = "local all postgres scram-sha-256\nlocal all provisioner scram-sha-256\nlocal all all peer"
		s.setAccess(t, peer)
		tenant := unmade(t, s.Engine)
		for what, err := range map[string]error{"create": s.Create(t.Context(), tenant), "restore": s.Untrash(t.Context(), trashed)} {
			wantError(t, what, err, tenants.ErrUnavailable)
			if !strings.Contains(err.Error(), "pg_hba.conf") {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := s.Drop(t.Context(), tenant); err != nil {
			t.Error(err)
		}
		s.setAccess(t, "local all all scram-sha-256")
		for _, again := range []error{s.Create(t.Context(), tenant), s.Untrash(t.Context(), trashed)} {
			if again != nil {
				t.Error(again)
			}
		}
		wantUsable(t, handle(t, s.Engine, kept))
	})
}

// setAccess writes the server's pg_hba.conf.
func (s *own) setAccess(t *testing.T, lines string) {
	t.Helper()
	path := filepath.Join(s.cluster.Dir(), "data", "pg_hba.conf")
	if err := os.WriteFile(path, []byte(lines+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.harm(t, unmade(t, s.Engine), s.root.Database, "SELECT pg_reload_conf(), pg_sleep(0.3)")
}

// TestTemplateOfAnotherRole: a copy would have tables of that role.
func TestTemplateOfAnotherRole(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		made(t, s.Engine)
		s.template.forget()
		quoted := pgx.Identifier{s.template.name}.Sanitize()
		s.harm(t, unmade(t, s.Engine), s.root.Database, "CREATE ROLE stranger; ALTER DATABASE "+quoted+" OWNER TO stranger")
		tenant := unmade(t, s.Engine)
		err := s.Create(t.Context(), tenant)
		wantError(t, "create", err, tenants.ErrUnavailable)
		if !strings.Contains(err.Error(), `belongs to role "stranger"`) {
			t.Errorf("got %v", err)
		}
		s.harm(t, tenant, s.root.Database, "ALTER DATABASE "+quoted+" OWNER TO "+s.server.User)
		if err := s.Create(t.Context(), tenant); err != nil {
			t.Error(err)
		}
	})
}

// TestProvisionerWithoutRights is told what the server denies, and to try again.
func TestProvisionerWithoutRights(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		if s.server.User == s.root.User {
			t.Skip("a superuser may do everything")
		}
		made(t, s.Engine)
		tenant := unmade(t, s.Engine)
		s.harm(t, tenant, s.root.Database, "ALTER ROLE provisioner NOCREATEDB")
		err := s.Create(t.Context(), tenant)
		wantError(t, "create", err, tenants.ErrUnavailable)
		wantError(t, "create", err, tenants.ErrForbidden)
		s.harm(t, tenant, s.root.Database, "ALTER ROLE provisioner CREATEDB NOCREATEROLE")
		wantError(t, "create", s.Create(t.Context(), tenant), tenants.ErrForbidden)
		s.harm(t, tenant, s.root.Database, "ALTER ROLE provisioner CREATEROLE")
		if err := s.Create(t.Context(), tenant); err != nil {
			t.Error(err)
		}
	})
}
