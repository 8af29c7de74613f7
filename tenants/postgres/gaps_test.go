package postgres

import (
	"errors"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

// onSchemas returns an engine with tenants in schemas, in a database of the test's own, and the login of a superuser.
func onSchemas(t *testing.T) (*Engine, *schemas) {
	t.Helper()
	e := newEngine(t, inSchemas(t, pgcluster.Database(t)))
	s, ok := e.layout.(*schemas)
	if !ok {
		t.Fatalf("the layout is a %T", e.layout)
	}
	return e, s
}

// TestGaps opens what could lead out of a schema. Each is found, also by an engine that is opened on it where the provisioner
// can't close it by itself, and closed by the remedy.
func TestGaps(t *testing.T) {
	t.Parallel()
	e, s := onSchemas(t)
	tenant := made(t, e)
	for _, open := range []struct {
		sql, detail string
		heals       bool // an engine that begins closes it
	}{
		{"GRANT EXECUTE ON FUNCTION set_config(text, text, boolean), pg_advisory_lock(bigint), lo_create(oid) TO PUBLIC", doorsOpen, true},
		{"GRANT USAGE ON LANGUAGE plpgsql, sql TO PUBLIC", doorsOpen, true},
		{"GRANT UPDATE ON pg_settings TO PUBLIC", doorsOpen, true},
		{"GRANT USAGE ON SCHEMA public TO PUBLIC", doorsOpen, true},
		{"GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", doorsOpen, true},
		{"ALTER ROLE {login} SUPERUSER CREATEROLE INHERIT", "the role as which scopes connect", false},
		{"ALTER ROLE {group} BYPASSRLS", "the role as which scopes connect", false},
		{"GRANT {tenant}, pg_read_all_data TO {login}", "the role as which scopes connect", false},
		{"GRANT pg_monitor TO {group}", "the role as which scopes connect", false},
	} {
		sql := render(open.sql, map[string]string{"database": s.server.Database, "login": s.direct.User, "group": s.group, "tenant": s.roleOf(tenant.Database)})
		if err := run(t.Context(), e.admin, sql); err != nil {
			t.Fatal(err)
		}
		found, err := e.Gaps(t.Context())
		if err != nil || len(found) != 1 || !strings.HasPrefix(found[0].Detail, open.detail) || found[0].Database != s.server.Database {
			t.Fatalf("%s: found %+v, %v", sql, found, err)
		}
		other, err := New(t.Context(), e.config)
		if gap := new(tenants.GapError); errors.As(err, &gap) == open.heals {
			t.Errorf("%s: an engine that begins: %v", sql, err)
		}
		if err == nil {
			if err := other.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if err := run(t.Context(), e.admin, found[0].Remedy); err != nil {
			t.Fatal(err)
		}
		if found, err := e.Gaps(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("%s, and its remedy: found %+v, %v", sql, found, err)
		}
	}
	if found, err := e.Gaps(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("at the end: found %+v, %v", found, err)
	}
}

// TestNoGapsBetweenDatabases asks an engine whose tenants share nothing.
func TestNoGapsBetweenDatabases(t *testing.T) {
	t.Parallel()
	if found, err := newEngine(t, config(t)).Gaps(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("found %+v, %v", found, err)
	}
}

// TestPoolerURL takes an address of a pooler in each form, and none with what may be secret or another role's.
func TestPoolerURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"pooler:6432/small":                       "postgres://pooler:6432/small",
		"postgres://pooler/small?sslmode=require": "postgres://pooler/small?sslmode=require",
		"postgres:///small?host=/run/pgbouncer":   "postgres:///small?host=/run/pgbouncer",
		"":                                        "",
		"pooler:6432":                             "",
		"pooler:port/small":                       "",
		"ada@pooler:6432/small":                   "",
		"postgres://ada:hunter2@pooler:6432/small": "",
		"pooler/small?password=hunter2":            "",
		"pooler/small?user=ada":                    "",
		"mysql://pooler/small":                     "",
		"pooler/small?sslmode=hunter2":             "",
	} {
		got, err := PoolerURL(text)
		if (err != nil) != (want == "") || err == nil && got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
		if bad := new(URLError); err != nil && (!errors.As(err, &bad) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
