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
