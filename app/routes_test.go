package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
)

// alike is a reply without what differs from request to request.
func alike(r reply) string {
	header := maps.Clone(r.header)
	id := header.Get("X-Request-ID")
	for _, name := range []string{"X-Request-Id", "Date", "Connection"} {
		header.Del(name)
	}
	return fmt.Sprint(r.status, header, strings.ReplaceAll(r.body, id, "ID"))
}

func TestTwoTenantsAreServedFromTwoDatabases(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		srv := s.serve(t)
		made := srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
		if made.status != http.StatusCreated || made.header.Get("Location") == "" {
			t.Fatalf("%d %s", made.status, made.body)
		}
		if r := srv.get(t, "acme", "/api/projects"); r.status != http.StatusOK || !strings.Contains(r.body, "Anvils") {
			t.Errorf("acme: %d %s", r.status, r.body)
		}
		if r := srv.get(t, "globex", "/api/projects"); r.status != http.StatusOK || r.body != `{"items":[],"next":null}` {
			t.Errorf("globex: %d %s", r.status, r.body)
		}
	})
}

// TestHostileHosts sends hosts that are no tenant's to paths that are there and
// paths that aren't. None can be told from another, and nothing is opened or
// made for any.
func TestHostileHosts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		srv := s.serve(t)
		before := s.files(t)
		want := alike(srv.get(t, "nobody", "/api/projects"))
		if !strings.HasPrefix(want, "404 ") || !strings.Contains(want, "unknown-tenant") {
			t.Fatalf("an unknown tenant gets %s", want)
		}
		for _, request := range hostileRequests() {
			if got := alike(send(t, srv.public, request)); got != want {
				t.Errorf("%q got\n%s, want\n%s", request, got, want)
			}
		}
		if after := s.files(t); !slices.Equal(after, before) {
			t.Errorf("files %v became %v", before, after)
		}
	})
}

func hostileRequests() []string {
	const end = "\r\nConnection: close\r\n\r\n"
	requests := []string{
		"GET /api/projects HTTP/1.0\r\n\r\n",
		"GET /api/projects HTTP/1.0\r\nHost:\r\n\r\n",
		"GET /api/projects HTTP/1.1\r\nHost:" + end,
		// An absolute URI goes over Host, for HTTP; here both must agree to nothing.
		"GET http://acme.localhost/api/projects HTTP/1.1\r\nHost: acme.localhost" + end,
		"GET http://acme.localhost/api/projects HTTP/1.1\r\nHost: nobody.localhost" + end,
		"GET http://nobody.localhost/api/projects HTTP/1.1\r\nHost: acme.localhost" + end,
		"GET http://acme。localhost/api/projects HTTP/1.1\r\nHost: acme.localhost" + end,
		"CONNECT acme.localhost:80 HTTP/1.1\r\nHost: acme.localhost:80" + end,
	}
	for _, host := range []string{
		"acme.localhost:evil", "acme.localhost:", "acme.localhost:80:80", "acme.localhost:-1", "acme.localhost:99999",
		"acme..localhost", ".acme.localhost", ".localhost", "acme.localhost..", "acme", "acme.", ".",
		"a,b.localhost", "acme.localhost,globex.localhost", "acme%2elocalhost", "acme%2Elocalhost", "acme%00.localhost",
		"ac_me.localhost", "_acme.localhost", "acme%E3%80%82localhost", "acme.xn--localhost-1x3h", "xn--acme.localhost",
		"127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080", "0x7f000001", "2130706433",
		"localhost", "localhost:8080", "www.localhost", "api.localhost", "admin.localhost",
		"a.acme.localhost", "acme.globex.localhost", "acme.localhost.evil.com", "acme.localhostevil", "acme.example.com",
		"-acme.localhost", "acme-.localhost", "1acme.localhost", strings.Repeat("a", 41) + ".localhost", strings.Repeat("a.", 2000) + "localhost",
		"acme*.localhost", "'or1=1--.localhost",
	} {
		for _, line := range []string{"GET /api/projects", "GET /", "GET /nothing/here", "DELETE /api/projects", "POST /healthz", "OPTIONS *", "PATCH /api/users/1"} {
			requests = append(requests, line+" HTTP/1.1\r\nHost: "+host+end)
		}
	}
	return requests
}

// TestHostsThatAreNoHosts never come as far as this program: Go answers them.
func TestHostsThatAreNoHosts(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	for _, hosts := range []string{
		"",
		"Host: acme.localhost\r\nHost: globex.localhost\r\n",
		"Host: acme。localhost\r\n",
		"Host: acme.localhost/x\r\n",
		"Host: acme localhost\r\n",
		"Host: root@acme.localhost\r\n",
	} {
		r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\n"+hosts+"Connection: close\r\n\r\n")
		if (r.status != http.StatusBadRequest && r.status != http.StatusNotFound) || strings.Contains(r.body, "items") {
			t.Errorf("%q got %d %s", hosts, r.status, r.body)
		}
	}
}

func TestSpellingsOfATenantsHost(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
	for _, host := range []string{
		"acme.localhost", "ACME.localhost", "AcMe.LocalHost", "acme.localhost.", "ACME.LOCALHOST.",
		"acme.localhost:1", "acme.localhost:65535", "acme.localhost.:8080",
	} {
		r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		if r.status != http.StatusOK || !strings.Contains(r.body, "Anvils") {
			t.Errorf("%s: %d %s", host, r.status, r.body)
		}
	}
}

func TestNothingBesideHostChoosesTheTenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	s.must(t, "tenant", "create", "globex")
	for _, args := range [][]string{nil, {"--trusted-proxies=127.0.0.0/8"}} {
		srv := s.serve(t, args...)
		srv.post(t, "globex", "/api/projects", `{"name":"Secret"}`)
		want := alike(srv.get(t, "nobody", "/api/projects"))
		const others = "X-Tenant: globex\r\nX-Forwarded-Host: globex.localhost\r\nForwarded: host=globex.localhost\r\n" +
			"X-Original-Host: globex.localhost\r\nX-Host: globex.localhost\r\nCookie: tenant=globex\r\nConnection: close\r\n\r\n"
		r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\nHost: acme.localhost\r\n"+others)
		if r.status != http.StatusOK || r.body != `{"items":[],"next":null}` {
			t.Errorf("acme with globex's headers: %d %s", r.status, r.body)
		}
		if r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\nHost: nobody.localhost\r\n"+others); alike(r) != want {
			t.Errorf("nobody with globex's headers: %s, want %s", alike(r), want)
		}
		for _, path := range []string{"/api/projects?tenant=globex", "//globex.localhost/api/projects", "/globex/api/projects"} {
			if r := srv.get(t, "acme", path); strings.Contains(r.body, "Secret") {
				t.Errorf("%s at acme: %d %s", path, r.status, r.body)
			}
		}
	}
}

func TestPublicListenerHasNoOperatorRoutes(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	for _, path := range []string{"/readyz", "/metrics", "/debug/pprof/", "/debug/vars", "/api/tenants", "/api/servers", "/api/operations"} {
		if r := srv.get(t, "acme", path); r.status != http.StatusNotFound || !strings.Contains(r.body, "not-found") {
			t.Errorf("%s at acme: %d %s", path, r.status, r.body)
		}
		for _, host := range []string{"localhost", srv.operator, "operator.localhost"} {
			r := send(t, srv.public, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
			if r.status != http.StatusNotFound || !strings.Contains(r.body, "unknown-tenant") {
				t.Errorf("%s at %s: %d %s", path, host, r.status, r.body)
			}
		}
	}
}

func TestOperatorListenerHasNoTenants(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	r := send(t, srv.operator, "GET /api/projects HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n")
	if r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		srv := s.serve(t)
		for _, host := range []string{"acme.localhost", "localhost", "127.0.0.1", "www.localhost", "a,b"} {
			r := send(t, srv.public, "GET /healthz HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
			if r.status != http.StatusOK || r.body != `{"status":"ok"}` {
				t.Errorf("%s: %d %s", host, r.status, r.body)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			r := send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			if r.status != http.StatusOK {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	})
}

func TestNotReadyWithoutMaster(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	a := s.open(t)
	handler := a.operatorHandler(t.Context())
	if err := a.master.Close(); err != nil {
		t.Fatal(err)
	}
	r := ask(handler, http.MethodGet, "/readyz")
	if r.Code != http.StatusServiceUnavailable || r.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", r.Code, r.Header(), r.Body)
	}
	if r := ask(handler, http.MethodGet, "/healthz"); r.Code != http.StatusOK {
		t.Errorf("healthz: %d", r.Code)
	}
}

func TestEveryGetAnswersHead(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	for _, path := range []string{"/api/users", "/api/projects", "/api/activity", "/healthz", "/api/users/1"} {
		get := srv.get(t, "acme", path)
		head := send(t, srv.public, "HEAD "+path+" HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n\r\n")
		if head.status != get.status || head.body != "" || head.header.Get("Content-Length") != get.header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v; GET: %d %v", path, head.status, head.header, get.status, get.header)
		}
	}
}

func TestWrongMethodAndPathAtATenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	r := send(t, srv.public, "PUT /api/projects HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if r.status != http.StatusMethodNotAllowed || !strings.Contains(r.header.Get("Allow"), "POST") {
		t.Errorf("PUT: %d %v", r.status, r.header)
	}
	for _, path := range []string{"/api/projects/", "/API/projects", "//api/projects", "/api/./projects", "/api/nope"} {
		if r := srv.get(t, "acme", path); r.status != http.StatusNotFound {
			t.Errorf("%s: %d, want no redirect and no guess", path, r.status)
		}
	}
}

func TestEveryReplyIsHardened(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	for _, r := range []reply{srv.get(t, "acme", "/api/users"), srv.get(t, "acme", "/nope"), srv.get(t, "nobody", "/"), srv.post(t, "acme", "/api/users", "{")} {
		if r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("Cache-Control") != "no-store" || len(r.header.Get("X-Request-ID")) != 26 {
			t.Errorf("%d %v", r.status, r.header)
		}
		if r.status >= 400 && (r.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(r.body, r.header.Get("X-Request-ID"))) {
			t.Errorf("%d %v %s", r.status, r.header, r.body)
		}
	}
}

// TestOnlyTheImportTakesLargeBodies sends bodies that are one byte over the
// one limit and far under the other.
func TestOnlyTheImportTakesLargeBodies(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	srv := s.serve(t)
	made := srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
	var project struct{ ID int64 }
	if err := json.Unmarshal([]byte(made.body), &project); err != nil {
		t.Fatal(err)
	}
	large := `{"name":"` + strings.Repeat("x", 1<<20)
	if r := srv.post(t, "acme", "/api/projects", large); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("1 MiB of JSON: %d %s", r.status, r.body)
	}
	csv := "title\n" + strings.Repeat("Hammer an anvil\n", 1<<17)
	path := fmt.Sprintf("/api/projects/%d/tasks/import", project.ID)
	head := strings.Replace(postHead("acme", path, len(csv)), "application/json", "text/csv", 1)
	if r := send(t, srv.public, head+"Connection: close\r\n\r\n"+csv); r.status == http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB of CSV: %d %s", r.status, r.body)
	}
	head = strings.Replace(postHead("acme", path, maxImport+1), "application/json", "text/csv", 1)
	if r := send(t, srv.public, head+"Connection: close\r\n\r\n"); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MiB of CSV: %d %s", r.status, r.body)
	}
}

// TestBrokenDatabaseHarmsOneTenant breaks a tenant's database in each way and
// finds its neighbour well.
func TestBrokenDatabaseHarmsOneTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		s.drop(t, "acme")
		expectUnavailable(t, s)
	})
	t.Run("corrupt", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		if err := os.WriteFile(s.file(t, "acme"), []byte(strings.Repeat("not a database", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		expectUnavailable(t, s)
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		if err := os.Truncate(s.file(t, "acme"), 0); err != nil {
			t.Fatal(err)
		}
		expectUnavailable(t, s)
	})
	t.Run("another tenant's", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.must(t, "tenant", "create", "acme")
		s.must(t, "tenant", "create", "globex")
		content, err := os.ReadFile(s.file(t, "globex"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.file(t, "acme"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		expectUnavailable(t, s)
	})
}

// expectUnavailable expects 503 of acme, and nothing made for it, while globex
// works.
func expectUnavailable(t *testing.T, s site) {
	t.Helper()
	srv := s.serve(t)
	before := s.files(t)
	for range 2 {
		r := srv.get(t, "acme", "/api/projects")
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || strings.Contains(r.body, s.dir) {
			t.Errorf("acme: %d %v %s", r.status, r.header, r.body)
		}
		if r := srv.post(t, "globex", "/api/projects", fmt.Sprintf(`{"name":%q}`, time.Now())); r.status != http.StatusCreated {
			t.Errorf("globex: %d %s", r.status, r.body)
		}
	}
	if after := s.files(t); !slices.Equal(before, after) {
		t.Errorf("files %v became %v", before, after)
	}
}

// tenant is the row of a tenant, read through an App of its own.
func (s site) tenant(t *testing.T, subdomain string) TenantDocument {
	t.Helper()
	var d TenantDocument
	if err := json.Unmarshal([]byte(s.must(t, "tenant", "show", subdomain, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// file is a tenant's database on SQLite.
func (s site) file(t *testing.T, subdomain string) string {
	t.Helper()
	return filepath.Join(s.dir, "tenants", s.tenant(t, subdomain).Database)
}

// drop removes a tenant's database behind the master's back.
func (s site) drop(t *testing.T, subdomain string) {
	t.Helper()
	a := s.open(t)
	row, err := a.manager.Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.engine.Drop(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}

// TestStatesOfATenant sets states in the master and reads what visitors get.
func TestStatesOfATenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	for state, want := range map[models.State]int{
		models.StateActive: 200, models.StateSuspended: 403, models.StateMaintenance: 503,
		models.StateArchived: 404, models.StatePurged: 404,
	} {
		a := s.open(t)
		err := a.master.Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&models.Tenant{}).Where("subdomain = ?", "acme").Update("state", state).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		srv := s.serve(t)
		r := srv.get(t, "acme", "/api/projects")
		if r.status != want || (want == 503) != (r.header.Get("Retry-After") != "") {
			t.Errorf("%s: %d %v", state, r.status, r.header)
		}
		if want == 404 && alike(r) != alike(srv.get(t, "nobody", "/api/projects")) {
			t.Errorf("%s can be told from unknown: %s", state, alike(r))
		}
		srv.stop(t)
	}
}
