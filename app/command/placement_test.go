package command

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest/pgcluster"
)

// execute runs SQL on a server, also in a cleanup.
func execute(t *testing.T, server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// lesser returns the URL of a database's owner who may make roles, but is no superuser.
func lesser(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	execute(t, server, "CREATE ROLE "+name+" LOGIN CREATEDB CREATEROLE PASSWORD 'hunter2'; ALTER DATABASE "+name+" OWNER TO "+name)
	t.Cleanup(func() {
		execute(t, pgcluster.URL(t), "DROP DATABASE "+name+" WITH (FORCE)")
		execute(t, pgcluster.URL(t), "DROP ROLE "+name)
	})
	u.User = url.UserPassword(name, "hunter2")
	return u.String()
}

// TestServerOfSchemas adds a server whose tenants lie in schemas, as a provisioner who may not close everything there, after
// a superuser has run what the refusal says. Doctor tells of what is opened later.
func TestServerOfSchemas(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.install(t)
	database := pgcluster.Database(t)
	server := lesser(t, database)
	add := func() result { return s.pipe(t, server+"\n", "server", "add", "small", "-", "--placement", "schema") }
	refusal := add()
	_, script, said := strings.Cut(strings.TrimSpace(refusal.stderr), "have a superuser run in it: ")
	if refusal.status != exitFailed || !said || strings.Contains(refusal.stderr, "hunter2") {
		t.Fatalf("status %d, %s", refusal.status, refusal.stderr)
	}
	if all := only[document.List[document.Server]](t, s.must(t, "server", "list", "--json")).Items; len(all) != 1 {
		t.Errorf("it was added all the same: %+v", all)
	}
	execute(t, database, script)
	if r := add(); r.status != exitDone {
		t.Fatalf("status %d, %s", r.status, r.stderr)
	}
	if n := only[document.Server](t, s.must(t, "server", "show", "small", "--json")); n.Placement != "schema" || n.Dialect != "postgres" {
		t.Errorf("%+v", n)
	}
	srv := s.serve(t)
	for _, name := range []string{"acme", "globex"} {
		s.create(t, name, "--server", "small")
		srv.post(t, name, "/api/projects", `{"name":"of `+name+`"}`).expect(t, http.StatusCreated)
	}
	for _, name := range []string{"acme", "globex"} {
		if r := srv.get(t, name, "/api/projects"); r.status != http.StatusOK || !strings.Contains(r.body, `"of `+name+`"`) || strings.Count(r.body, `"id"`) != 1 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	other := newSQLite(t)
	other.install(t)
	if r := other.pipe(t, server+"\n", "server", "add", "small", "-", "--placement", "schema"); r.status != exitFailed || !strings.Contains(r.stderr, "another installation") {
		t.Errorf("for another installation: status %d, %s", r.status, r.stderr)
	}
	s.wantShell(t)
	s.wantPooler(t, database)
	open := func() (found []lifecycle.Finding) { // other databases of the tests' server may be open
		for _, f := range only[document.List[lifecycle.Finding]](t, s.run(t, "doctor", "--json").stdout).Items {
			if f.Kind != lifecycle.DatabaseOpen {
				found = append(found, f)
			}
		}
		return found
	}
	if found := open(); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	execute(t, database, "GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC; GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC")
	found := open()
	if len(found) != 1 || found[0].Kind != lifecycle.SchemasOpen || found[0].Subject != "small" {
		t.Fatalf("after a grant: %+v", found)
	}
	_, script, _ = strings.Cut(found[0].Remedy, ": ")
	execute(t, database, script)
	if found := open(); len(found) > 0 {
		t.Errorf("after its remedy: %+v", found)
	}
}

// wantShell opens acme's shell, which is in acme's schema as acme's role, and doesn't write unless it may.
func (s site) wantShell(t *testing.T) {
	t.Helper()
	if clientIsMissing(t) {
		return
	}
	shell := func(statement string, flags ...string) result {
		return s.run(t, append(append([]string{"tenant", "shell", "acme"}, flags...), "--", "-Atc", statement)...)
	}
	if r := shell("SELECT name, starts_with(current_user, current_schema), current_user = session_user FROM projects"); r.stdout != "of acme|t|f\n" {
		t.Errorf("read: %d %s%s", r.status, r.stdout, r.stderr)
	}
	const write = "UPDATE projects SET description = 'by hand'"
	if r := shell(write); r.status != exitFailed || !strings.Contains(r.stderr, "read-only") {
		t.Errorf("write without --write: %d %s%s", r.status, r.stdout, r.stderr)
	}
	if r := shell(write, "--write"); r.status != exitDone || r.stdout != "UPDATE 1\n" {
		t.Errorf("write: %d %s%s", r.status, r.stdout, r.stderr)
	}
	for _, beyond := range []string{"CREATE TABLE t (a integer)", "SELECT 1 / count(*) FROM pg_namespace WHERE has_schema_privilege(oid, 'USAGE') AND nspname ~ '^t_' AND nspname <> current_schema"} {
		if r := shell(beyond, "--write"); r.status != exitFailed {
			t.Errorf("%s: %d %s%s", beyond, r.status, r.stdout, r.stderr)
		}
	}
}

// wantPooler sets the pooler of a server, which is the server itself: it is a pooler of one session a client.
func (s site) wantPooler(t *testing.T, database string) {
	t.Helper()
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	at.User = nil
	pooler := at.String()
	at.Path = "/postgres"
	for _, test := range []struct {
		name, pooler string
		status       int
	}{
		{"small", pooler, exitDone},
		{"small", at.String(), exitFailed},
		{"small", "127.0.0.1:1/nothing", exitFailed},
		{"small", "ada:hunter2@127.0.0.1/x", exitUsage},
		{"default", pooler, exitUsage},
		{"nowhere", pooler, exitFailed},
	} {
		r := s.run(t, "server", "set", test.name, "--pooler", test.pooler, "--capacity", "70")
		if r.status != test.status || strings.Contains(r.stderr, "hunter2") {
			t.Errorf("%s over %s: status %d, %s", test.name, test.pooler, r.status, r.stderr)
		}
	}
	if n := only[document.Server](t, s.must(t, "server", "show", "small", "--json")); n.Pooler != pooler || n.Capacity != 70 {
		t.Errorf("the pooler is %q, want %q, and the capacity %d, want 70", n.Pooler, pooler, n.Capacity)
	}
	if n := only[document.Server](t, s.must(t, "server", "show", "default", "--json")); n.Capacity != 0 {
		t.Errorf("a refused change set the capacity %d", n.Capacity)
	}
	s.must(t, "tenant", "query", "SELECT count(*) FROM users", "--server", "small")
	s.must(t, "server", "set", "small", "--pooler", "")
}
