package command

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
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

// TestHostileHosts sends hosts that are no tenant's to paths that are there and
// paths that aren't. None can be told from another, and nothing is opened or
// made for any.
func TestHostileHosts(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
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
		for _, line := range []string{ // of which one is there: TestApexPage
			"GET /api/projects", "GET /", "GET /nothing/here", "DELETE /api/projects", "POST /healthz", "OPTIONS *", "PATCH /api/users/1",
		} {
			if line == "GET /" && (host == "localhost" || host == "localhost:8080") {
				continue
			}
			requests = append(requests, line+" HTTP/1.1\r\nHost: "+host+end)
		}
	}
	return requests
}

// TestHostsThatAreNoHosts never come as far as this program: Go answers them.
func TestHostsThatAreNoHosts(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
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
	s.create(t, "acme")
	srv := s.serve(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
	for _, host := range []string{
		"acme.localhost", "ACME.localhost", "AcMe.LocalHost", "acme.localhost.", "ACME.LOCALHOST.",
		"acme.localhost:1", "acme.localhost:65535", "acme.localhost.:8080",
	} {
		r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\nHost: "+host+"\r\n"+srv.bearer(t, "acme")+"Connection: close\r\n\r\n")
		if r.status != http.StatusOK || !strings.Contains(r.body, "Anvils") {
			t.Errorf("%s: %d %s", host, r.status, r.body)
		}
	}
}

func TestNothingBesideHostChoosesTheTenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	for _, args := range [][]string{nil, {"--trusted-proxies=127.0.0.0/8"}} {
		srv := s.serve(t, args...)
		srv.post(t, "globex", "/api/projects", `{"name":"Secret"}`)
		want := alike(srv.get(t, "nobody", "/api/projects"))
		const others = "X-Tenant: globex\r\nX-Forwarded-Host: globex.localhost\r\nForwarded: host=globex.localhost\r\n" +
			"X-Original-Host: globex.localhost\r\nX-Host: globex.localhost\r\nCookie: tenant=globex\r\nConnection: close\r\n\r\n"
		r := send(t, srv.public, "GET /api/projects HTTP/1.1\r\nHost: acme.localhost\r\n"+srv.bearer(t, "acme")+others)
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
