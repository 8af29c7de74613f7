package command

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// ready asks whether the server is ready.
func (srv *server) ready(t *testing.T) reply {
	t.Helper()
	return send(t, srv.operator, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

// overview is the console's first page.
func (srv *server) overview(t *testing.T, cookie string) string {
	t.Helper()
	r := send(t, srv.operator, "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: "+cookie+"\r\nConnection: close\r\n\r\n")
	if r.status != http.StatusOK {
		t.Fatalf("overview: %d %s", r.status, r.body)
	}
	return r.body
}

// damage has the tenant's database not open any more, and returns what mends it.
func (s site) damage(t *testing.T, subdomain string) (mend func()) {
	t.Helper()
	if !s.onServer() {
		file := s.file(t, subdomain)
		move := func(from, to string) {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.Rename(from+suffix, to+suffix); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}
		move(file, file+".away")
		return func() { move(file+".away", file) }
	}
	database := s.tenant(t, subdomain).Database
	conn := connect(t, pgcluster.URL(t))
	do := func(statement string, args ...any) {
		if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	role := pgx.Identifier{database}.Sanitize()
	do("ALTER ROLE " + role + " NOLOGIN")
	do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
	return func() { do("ALTER ROLE " + role + " LOGIN") }
}

// TestTenantsThatCantBeOpenedAreTold by /readyz, the console and the metrics, as
// long as it is so: whether they were open before or not.
func TestTenantsThatCantBeOpenedAreTold(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		for _, name := range []string{"acme", "globex", "initech"} {
			s.create(t, name)
		}
		srv := s.serve(t)
		cookie := srv.consoleCookie(t)
		expectQuiet(t, srv, cookie)
		srv.get(t, "acme", "/api/me") // it is open
		mends := []func(){s.damage(t, "acme"), s.damage(t, "globex")}
		for _, name := range []string{"acme", "globex"} {
			wait.Until(t, "503 of "+name, func() bool {
				return srv.write(t, name) == http.StatusServiceUnavailable
			})
		}
		wait.Until(t, "readyz to tell", func() bool { // once the open one was tried again
			srv.write(t, "acme")
			r := srv.ready(t)
			return r.status == http.StatusOK && strings.Contains(r.body, `"degraded"`) &&
				strings.Contains(r.body, `"name":"default","tenants_failing":2`) && strings.Contains(r.body, `"serving":true`)
		})
		page := srv.overview(t, cookie)
		for _, want := range []string{"2 tenants can&#39;t be opened", `<a href="/tenants/acme">`, `<a href="/tenants/globex">`} {
			if !strings.Contains(strings.ReplaceAll(page, "can't", "can&#39;t"), want) {
				t.Errorf("the overview lacks %q: %s", want, page)
			}
		}
		metrics := send(t, srv.operator, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"+srv.token(t)+"Connection: close\r\n\r\n")
		if !strings.Contains(metrics.body, "tenantry_tenants_failing 2") {
			t.Error("the metrics don't tell")
		}
		for i, name := range []string{"acme", "globex"} {
			mends[i]()
			wait.Until(t, "an answer of "+name, func() bool { return srv.write(t, name) != http.StatusServiceUnavailable })
		}
		expectQuiet(t, srv, cookie)
	})
}

// TestNotReadyWhenNoTenantCanBeOpened: every one that is tried fails.
func TestNotReadyWhenNoTenantCanBeOpened(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		names := []string{"acme", "globex", "initech", "hooli"}
		for _, name := range names {
			s.create(t, name)
		}
		srv := s.serve(t)
		var mends []func()
		for _, name := range names {
			mends = append(mends, s.damage(t, name))
		}
		srv.write(t, "acme")
		r := srv.ready(t)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" ||
			!strings.Contains(r.body, `"serving":false`) || strings.Contains(r.body, "acme") {
			t.Errorf("%d %v %s", r.status, r.header, r.body)
		}
		mends[0]() // the others stay as they are
		wait.Until(t, "the server to be ready again", func() bool { return srv.ready(t).status == http.StatusOK })
		for _, mend := range mends[1:] {
			mend()
		}
	})
}

// write is the status of a try to sign in, which writes.
func (srv *server) write(t *testing.T, subdomain string) int {
	t.Helper()
	body := `{"email":"nobody@example.com","password":"wrong wrong wrong"}`
	return send(t, srv.public, fmt.Sprintf("POST /api/session HTTP/1.1\r\nHost: %s.localhost\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s", subdomain, len(body), body)).status
}

func expectQuiet(t *testing.T, srv *server, cookie string) {
	t.Helper()
	if r := srv.ready(t); r.status != http.StatusOK || r.body != `{"status":"ready"}` {
		t.Errorf("readyz: %d %s", r.status, r.body)
	}
	if page := srv.overview(t, cookie); strings.Contains(page, "be opened") {
		t.Errorf("the overview: %s", page)
	}
}
