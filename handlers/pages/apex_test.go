package pages_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
)

func readCloser(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

func TestApex(t *testing.T) {
	t.Parallel()
	s := newSite(t, tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	at := func(host, path string) reply { return s.send(t, newRequest(t, host, path, "", nil)) }
	for _, host := range []string{"localhost", "localhost:8080", "LOCALHOST", "localhost.", "localhost.:80"} {
		got := at(host, "/").expect(t, 200, "Your workspace", ".localhost", "http://acme.localhost:8080/sign-in", "mara@acme.example", "open sesame")
		if want := "default-src 'none'; form-action 'self' http://*.localhost:8080"; got.header.Get("Content-Security-Policy") != want {
			t.Errorf("policy %q, want %q", got.header.Get("Content-Security-Policy"), want)
		}
	}
	for name, to := range map[string]string{
		"acme": "http://acme.localhost:8080/", "nobody": "http://nobody.localhost:8080/", "+Acme+": "http://acme.localhost:8080/",
	} {
		at("localhost:9999", "/?workspace="+name).leads(t, to)
	}
	for _, name := range []string{"www", "evil.example", "a/b", "acme.localhost", "1st", "-", "%E2%84%AA", "acme%0d%0aX:y", "//evil", strings.Repeat("a", 41)} {
		at("localhost", "/?workspace="+name).expect(t, 422, "The name ", `aria-invalid="true"`)
	}
	at("localhost", "/?workspace=").expect(t, 200)
}

// TestApexHasOneRoute: all else at the base domain, and at hosts like it, is
// what unknown hosts have.
func TestApexHasOneRoute(t *testing.T) {
	t.Parallel()
	s := newSite(t, tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	want := s.send(t, newRequest(t, "nobody.localhost", "/", "", nil)).expect(t, 404, "No tenant is served at this address", `href="http://localhost:8080/"`, "", "acme")
	for _, r := range []struct{ host, path string }{
		{"localhost", "/sign-in"}, {"localhost", "/people"}, {"localhost", "/nothing"}, {"localhost", "//"}, {"localhost", "/index.html"},
		{"www.localhost", "/"}, {"localhost..", "/"}, {".localhost", "/"}, {"localhost:", "/"}, {"localhost:x", "/"}, {"localhost:+80", "/"}, {"localhost:99999", "/"},
		{"localhosts", "/"}, {"127.0.0.1", "/"}, {"", "/"}, {"LOCALHO\u017ft", "/"},
	} {
		got := s.send(t, newRequest(t, r.host, r.path, "", nil))
		if got.status != want.status || got.body != want.body {
			t.Errorf("%s%s: %d %s, want what an unknown host has", r.host, r.path, got.status, got.body)
		}
	}
	absolute := newRequest(t, "localhost", "/", "", nil)
	absolute.URL.Host = "localhost"
	s.send(t, absolute).expect(t, 404)
}

func TestAssets(t *testing.T) {
	t.Parallel()
	s := newSite(t, tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	page := s.get(t, "", "/sign-in").body
	for name, kind := range map[string]string{"style.": "text/css; charset=utf-8", "htmx.min.": "text/javascript; charset=utf-8", "workspace.": "text/javascript; charset=utf-8", "icon.": "image/svg+xml"} {
		_, rest, found := strings.Cut(page, `"/assets/`+name)
		hash, _, _ := strings.Cut(rest, `"`)
		if !found {
			t.Fatalf("the page doesn't name %s", name)
		}
		for _, host := range []string{"acme.localhost", "localhost", "nobody.localhost"} {
			got := s.send(t, newRequest(t, host, "/assets/"+name+hash, "", nil))
			if got.status != http.StatusOK || got.header.Get("Content-Type") != kind || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || got.body == "" {
				t.Errorf("%s%s at %s: %d %v", name, hash, host, got.status, got.header)
			}
		}
	}
	for _, name := range []string{"style.css", "style.000000000000.css", "htmx.LICENSE.txt", "..", "%2e%2e%2fsite.go"} {
		s.send(t, newRequest(t, "acme.localhost", "/assets/"+name, "", nil)).expect(t, 404, "nothing at this path")
		s.send(t, newRequest(t, "nobody.localhost", "/assets/"+name, "", nil)).expect(t, 404, "No tenant is served")
	}
}

// TestErrorPages: every one tells what to do; programs get JSON.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newSite(t, env)
		s.get(t, s.admin, "/nothing").expect(t, 404, "Go to the projects", "req-1")
		for state, want := range map[tenants.State]struct {
			status int
			text   string
		}{
			tenants.StateSuspended: {403, "Nothing is lost"}, tenants.StateMaintenance: {503, "Wait a moment"}, tenants.StateArchived: {404, "spelled correctly"},
		} {
			subdomain := string(state)
			tenant := env.Tenant(t, subdomain)
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tx.Model(tenant).Update("state", state).Error })
			if err != nil {
				t.Fatal(err)
			}
			got := s.send(t, newRequest(t, subdomain+".localhost", "/", s.admin, nil)).expect(t, want.status, want.text, "", "Sign out")
			if got.header.Get("Content-Type") != "text/html; charset=utf-8" || (want.status == 503) != (got.header.Get("Retry-After") != "") {
				t.Errorf("%s: %v", state, got.header)
			}
			api := s.send(t, newRequest(t, subdomain+".localhost", "/api/projects/1/tasks", s.admin, nil))
			if api.header.Get("Content-Type") != "application/problem+json" || api.status != want.status {
				t.Errorf("%s: the API answers %d %v", state, api.status, api.header)
			}
		}
	})
}
