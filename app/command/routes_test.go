package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/wait"

	"gorm.io/gorm"
)

func TestTwoTenantsAreServedFromTwoDatabases(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
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

func TestPublicListenerHasNoOperatorRoutes(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	for _, path := range []string{"/readyz", "/metrics", "/debug/pprof/", "/debug/vars", "/api/tenants", "/api/tenants/acme", "/api/servers", "/api/operations", "/api/jobs", "/api/handles", "/api/handles/acme"} {
		if r := srv.as(t, srv.token(t), "GET", "acme", path, ""); r.status != http.StatusNotFound || !strings.Contains(r.body, "not-found") {
			t.Errorf("%s at acme with the operator's token: %d %s", path, r.status, r.body)
		}
		if r := srv.get(t, "acme", path); r.status != http.StatusNotFound || !strings.Contains(r.body, "not-found") {
			t.Errorf("%s at acme: %d %s", path, r.status, r.body)
		}
		for _, host := range []string{"localhost", srv.operator, "operator.localhost"} {
			r := send(t, srv.public, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+srv.token(t)+"Connection: close\r\n\r\n")
			if r.status != http.StatusNotFound || !strings.Contains(r.body, "unknown-tenant") {
				t.Errorf("%s at %s: %d %s", path, host, r.status, r.body)
			}
		}
	}
}

func TestOperatorListenerHasNoTenants(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	for lines, want := range map[string]int{srv.bearer(t, "acme"): 401, "": 401, srv.token(t): 404} {
		for host, want := range map[string]int{"localhost": want, "acme.localhost": 421} {
			r := send(t, srv.operator, "GET /api/projects HTTP/1.1\r\nHost: "+host+"\r\n"+lines+"Connection: close\r\n\r\n")
			if r.status != want {
				t.Errorf("at %s: %d %s, want %d", host, r.status, r.body, want)
			}
		}
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

// TestReadyWithoutMaster: the server is degraded, and not ready once it has been without the master for too long.
func TestReadyWithoutMaster(t *testing.T) {
	t.Parallel()
	s := newSQLite(t).with("TENANTRY_INSTANCE_TTL=2s").with("TENANTRY_MASTER_AWAY=5s")
	a := s.open(t)
	handler := a.Operator(t.Context(), strings.Repeat("t", 32))
	if err := a.Store().Master().Close(); err != nil {
		t.Fatal(err)
	}
	r := ask(handler, http.MethodGet, "http://localhost/readyz")
	if r.Code != http.StatusOK || !strings.Contains(r.Body.String(), `"degraded"`) || !strings.Contains(r.Body.String(), "the master doesn't answer") {
		t.Errorf("%d %v %s", r.Code, r.Header(), r.Body)
	}
	wait.Until(t, "503", func() bool {
		r = ask(handler, http.MethodGet, "http://localhost/readyz")
		return r.Code == http.StatusServiceUnavailable && r.Header().Get("Retry-After") != ""
	})
	if r := ask(handler, http.MethodGet, "http://localhost/healthz"); r.Code != http.StatusOK {
		t.Errorf("healthz: %d", r.Code)
	}
}

func TestEveryGetAnswersHead(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	for _, path := range []string{"/api/users", "/api/projects", "/api/activity", "/healthz", "/api/users/1"} {
		get := srv.get(t, "acme", path)
		only := send(t, srv.public, "HEAD "+path+" HTTP/1.1\r\nHost: acme.localhost\r\n"+srv.bearer(t, "acme")+"Connection: close\r\n\r\n")
		if only.status != get.status || only.body != "" || only.header.Get("Content-Length") != get.header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v; GET: %d %v", path, only.status, only.header, get.status, get.header)
		}
	}
}

func TestWrongMethodAndPathAtATenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
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
	s.create(t, "acme")
	srv := s.serve(t)
	ask := func(path, lines string) reply {
		return send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n"+lines+"Connection: close\r\n\r\n")
	}
	for _, r := range []reply{
		srv.get(t, "acme", "/api/users"), srv.get(t, "acme", "/nope"), srv.get(t, "nobody", "/"), srv.post(t, "acme", "/api/users", "{"),
		srv.as(t, "", "GET", "acme", "/api/users", ""), srv.get(t, "acme", "/healthz"),
		ask("/healthz", ""), ask("/api/tenants", ""), ask("/api/tenants", srv.token(t)), ask("/debug/pprof/", srv.token(t)),
	} {
		expectHardened(t, r)
		if r.status >= 400 && (r.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(r.body, r.header.Get("X-Request-ID"))) {
			t.Errorf("%d %v %s", r.status, r.header, r.body)
		}
	}
	r := srv.get(t, "acme", "/invitation?token=nonsense")
	expectHardened(t, r)
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") || regexp.MustCompile(`<style|<script[^>]*>[^<]| style=| on\w+=`).MatchString(r.body) {
		t.Errorf("the page has something inline that its policy forbids: %v %s", r.header, r.body)
	}
}

// expectHardened expects what every reply carries, once.
func expectHardened(t *testing.T, r reply) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "same-origin",
		"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := r.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%d: %s is %q", r.status, name, got)
		}
	}
	if len(r.header.Get("X-Request-ID")) != 26 || r.header.Get("Strict-Transport-Security") != "" || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if policy := r.header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Error(policy)
	}
}

// TestOnlyTheImportTakesLargeBodies sends bodies that are one byte over the
// one limit and far under the other.
func TestOnlyTheImportTakesLargeBodies(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
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
	lines := strings.Replace(head("POST", "acme", path, len(csv))+srv.bearer(t, "acme"), "application/json", "text/csv", 1)
	if r := send(t, srv.public, lines+"Connection: close\r\n\r\n"+csv); r.status == http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB of CSV: %d %s", r.status, r.body)
	}
	lines = strings.Replace(head("POST", "acme", path, 10<<20+1)+srv.bearer(t, "acme"), "application/json", "text/csv", 1)
	if r := send(t, srv.public, lines+"Connection: close\r\n\r\n"); r.status != http.StatusRequestEntityTooLarge {
		t.Errorf("10 MiB of CSV: %d %s", r.status, r.body)
	}
}

// TestStatesOfATenant sets states in the master and reads what visitors get.
func TestStatesOfATenant(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	for state, want := range map[tenants.State]int{
		tenants.StateActive: 200, tenants.StateSuspended: 403, tenants.StateMaintenance: 503,
		tenants.StateArchived: 404, tenants.StatePurged: 404,
	} {
		a := s.open(t)
		err := a.Store().Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Tenant{}).Where("subdomain = ?", "acme").Update("state", state).Error
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

// ask sends a request straight to a handler.
func ask(h http.Handler, method, url string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	return w
}
