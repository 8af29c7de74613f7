package command

import (
	"net/http"
	"strings"
	"testing"
)

// page asks the public listener as a browser does.
func (srv *server) page(t *testing.T, host, path, lines string) reply {
	t.Helper()
	return send(t, srv.public, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nAccept: text/html\r\n"+lines+"Connection: close\r\n\r\n")
}

// TestApexPage: the base domain has one page, which names no tenant.
func TestApexPage(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	_, port, _ := strings.Cut(srv.public, ":")
	r := srv.page(t, "localhost", "/", "")
	if r.status != http.StatusOK || !strings.Contains(r.body, `name="workspace"`) || strings.Contains(r.body, "acme") || strings.Contains(r.body, "Demo") {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, name := range []string{"acme", "nobody"} {
		r := srv.page(t, "localhost", "/?workspace="+name, "")
		if r.status != http.StatusSeeOther || r.header.Get("Location") != "http://"+name+".localhost:"+port+"/" {
			t.Errorf("%s: %d %v", name, r.status, r.header)
		}
	}
	head := send(t, srv.public, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if head.status != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %d %q", head.status, head.body)
	}
	post := send(t, srv.public, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	if alike(post) != alike(srv.get(t, "nobody", "/api/projects")) {
		t.Errorf("POST: %s", alike(post))
	}
}

// TestUnknownHostsLookAlikeToBrowsers, as they do to programs.
func TestUnknownHostsLookAlikeToBrowsers(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	want := alike(srv.page(t, "nobody.localhost", "/", ""))
	if !strings.HasPrefix(want, "404 ") || !strings.Contains(want, "text/html") || !strings.Contains(want, "<h1>Unknown tenant</h1>") {
		t.Fatalf("an unknown host gets %s", want)
	}
	for _, host := range []string{"www.localhost", "ac_me.localhost", "127.0.0.1", "a.acme.localhost", "evil.example", "acme.localhost:evil"} {
		for _, path := range []string{"/", "/people", "/sign-in", "/nothing"} {
			if got := alike(srv.page(t, host, path, "")); got != want {
				t.Errorf("%s%s: %s, want %s", host, path, got, want)
			}
		}
	}
	if got := alike(srv.page(t, "localhost", "/sign-in", "")); got != want {
		t.Errorf("the base domain has a sign-in: %s", got)
	}
}

// TestPagesAreHardened as all replies are, and only assets are kept.
func TestPagesAreHardened(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	cookie := srv.cookie(t, "acme")
	for _, path := range []string{"/", "/people", "/activity", "/account", "/account/tokens", "/nothing", "/projects/9"} {
		expectHardened(t, srv.page(t, "acme.localhost", path, cookie))
	}
	expectHardened(t, srv.page(t, "acme.localhost", "/sign-in", ""))
	r := srv.page(t, "acme.localhost", "/sign-in", "")
	_, asset, _ := strings.Cut(r.body, `rel="stylesheet" href="`)
	asset, _, _ = strings.Cut(asset, `"`)
	if r := srv.page(t, "acme.localhost", asset, ""); r.status != http.StatusOK || r.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: %d %v", asset, r.status, r.header)
	}
}

// TestSessionsAtTwoTenants: a cookie of one tenant is none of another.
func TestSessionsAtTwoTenants(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	srv := s.serve(t)
	for home, away := range map[string]string{"acme": "globex", "globex": "acme"} {
		cookie := srv.cookie(t, home)
		if r := srv.page(t, home+".localhost", "/", cookie); r.status != http.StatusOK {
			t.Errorf("at home: %d", r.status)
		}
		if r := srv.page(t, away+".localhost", "/", cookie); r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), "/sign-in") {
			t.Errorf("away: %d %v", r.status, r.header)
		}
	}
}

// TestDemoIsShown at the base domain, where serve --demo opened it.
func TestDemoIsShown(t *testing.T) {
	t.Parallel()
	s := newSQLite(t).with("TENANTRY_DEMO_PASSWORD=" + password)
	srv := s.serve(t, "--demo")
	r := srv.page(t, "localhost", "/", "")
	for _, want := range []string{"Acme Joinery", "Globex Architects", "Initech Software", "mara@acme.example", "/sign-in"} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the page lacks %q: %s", want, r.body)
		}
	}
}
