package postgres

import (
	"errors"
	"strings"
	"testing"

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

// TestGaps opens what could lead out of a schema. Each is found, and closed by the remedy, and by an engine that begins.
func TestGaps(t *testing.T) {
	t.Parallel()
	e, s := onSchemas(t)
	tenant := made(t, e)
	for _, open := range []struct {
		sql, detail string
	}{
		{"GRANT EXECUTE ON FUNCTION set_config(text, text, boolean), pg_advisory_lock(bigint), lo_create(oid) TO PUBLIC", doorsOpen},
		{"GRANT USAGE ON LANGUAGE plpgsql, sql TO PUBLIC", doorsOpen},
		{"GRANT UPDATE ON pg_settings TO PUBLIC", doorsOpen},
		{"GRANT USAGE ON SCHEMA public TO PUBLIC", doorsOpen},
		{"GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", doorsOpen},
		{"ALTER ROLE {login} SUPERUSER CREATEROLE INHERIT", "the role as which scopes connect"},
		{"ALTER ROLE {group} BYPASSRLS", "the role as which scopes connect"},
		{"GRANT {tenant}, pg_read_all_data TO {login}", "the role as which scopes connect"},
		{"GRANT pg_monitor TO {group}", "the role as which scopes connect"},
	} {
		sql := render(open.sql, map[string]string{"database": s.server.Database, "login": s.direct.User, "group": s.group, "tenant": s.roleOf(tenant.Database)})
		if err := run(t.Context(), e.admin, sql); err != nil {
			t.Fatal(err)
		}
		found, err := e.Gaps(t.Context())
		if err != nil || len(found) != 1 || !strings.HasPrefix(found[0].Detail, open.detail) || found[0].Database != s.server.Database {
			t.Fatalf("%s: found %+v, %v", sql, found, err)
		}
		for by, mend := range map[string]func() error{
			"its remedy":            func() error { return run(t.Context(), e.admin, found[0].Remedy) },
			"an engine that begins": func() error { newEngine(t, e.config); return nil },
		} {
			if err := errors.Join(run(t.Context(), e.admin, sql), mend()); err != nil {
				t.Fatal(err)
			}
			if found, err := e.Gaps(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("%s, and %s: found %+v, %v", sql, by, found, err)
			}
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
