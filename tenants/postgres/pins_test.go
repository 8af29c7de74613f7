package postgres

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
)

// plants are what a thief of a role's password can leave behind.
func plants() []string {
	return []string{
		"SET default_transaction_read_only = on", "SET default_transaction_isolation = 'serializable'", "SET synchronous_commit = off",
		"SET statement_timeout = 1", "SET lock_timeout = 1", "SET idle_in_transaction_session_timeout = 1", "SET idle_session_timeout = 1",
		"SET search_path = pg_catalog", "SET client_encoding = 'LATIN1'", "SET exit_on_error = on", "SET transform_null_equals = on",
		"SET default_tablespace = 'nowhere'", "SET DateStyle = 'SQL, DMY'", "SET TimeZone = 'Asia/Tokyo'", "SET gin_fuzzy_search_limit = 1",
		"IN DATABASE {t} SET default_transaction_read_only = on", "IN DATABASE {t} SET synchronous_commit = off", "SET row_security = off",
		"SET role = {group}", "SET quote_all_identifiers = on",
	}
}

// TestPlantedSettings change nothing for the tenant's requests, and are found and
// taken away.
func TestPlantedSettings(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		tenant.SchemaVersion = s.SchemaVersion()
		quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
		words := strings.NewReplacer("{t}", quote(tenant.Database), "{group}", quote(s.group))
		thief, err := s.layout.login(tenant)
		if err != nil {
			t.Fatal(err)
		}
		const asked = `SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
			WHERE context IN ('user', 'backend') AND source <> 'session' AND name NOT IN ('application_name')`
		settings := func() (all string) {
			if err := handle(t, s.Engine, tenant).Raw("SELECT current_user || ' ' || (" + asked + ")").Scan(&all).Error; err != nil {
				t.Error(err)
			}
			return all
		}
		before := settings()
		for _, plant := range plants() {
			if err := attempt(t, thief, tenant.Database, words.Replace("ALTER ROLE {t} "+plant)); err != nil {
				t.Errorf("%s: %v", plant, err)
			}
		}
		if after := settings(); after != before {
			t.Errorf("the settings were\n%s\nand are\n%s", before, after)
		}
		wantUsable(t, handle(t, s.Engine, tenant))
		s.wantFault(t, tenant, harm{want: tenants.FaultPermissions, detail: "settings of its own: DateStyle, TimeZone, client_encoding", mendable: true})
		if err := s.Mend(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
		s.wantFault(t, tenant, harm{})
	})
}

// TestExposed tells of each database that is open to the role.
func TestExposed(t *testing.T) {
	t.Parallel()
	eachProvisioner(t, func(t *testing.T, s *own) {
		tenant := made(t, s.Engine)
		closed := "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC"
		if err := attempt(t, s.root, s.root.Database, closed); err != nil {
			t.Fatal(err)
		}
		s.wantExposed(t)
		s.harm(t, tenant, s.root.Database, "CREATE DATABASE wiki")
		s.harm(t, tenant, s.root.Database, "CREATE DATABASE shop")
		s.harm(t, tenant, s.root.Database, "REVOKE ALL ON DATABASE shop FROM PUBLIC; GRANT CONNECT ON DATABASE shop TO {t}; GRANT CONNECT ON DATABASE shop TO {group}")
		s.wantExposed(t,
			tenants.Exposure{Database: "shop", Roles: []string{tenant.Database, s.group}},
			tenants.Exposure{Database: "wiki", Roles: []string{"PUBLIC"}})
		found, err := s.Exposed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, open := range found {
			s.harm(t, tenant, s.root.Database, open.Remedy)
		}
		s.wantExposed(t)
	})
}

func (s *own) wantExposed(t *testing.T, want ...tenants.Exposure) {
	t.Helper()
	got, err := s.Exposed(t.Context())
	if err != nil || len(got) != len(want) {
		t.Fatalf("open are %+v, %v; want %+v", got, err, want)
	}
	for i := range want {
		if got[i].Database != want[i].Database || strings.Join(got[i].Roles, " ") != strings.Join(want[i].Roles, " ") {
			t.Errorf("open is %+v, want %+v", got[i], want[i])
		}
	}
}
