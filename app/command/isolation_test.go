package command

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// apiToken makes an API token of the tenant's admin and returns its header line.
func (srv *server) apiToken(t *testing.T, subdomain string) string {
	t.Helper()
	var made struct{ Token string }
	r := srv.post(t, subdomain, "/api/tokens", fmt.Sprintf(`{"name":"robot","password":%q}`, password))
	if err := json.Unmarshal([]byte(r.body), &made); err != nil || r.status != http.StatusCreated {
		t.Fatalf("%d %s, %v", r.status, r.body, err)
	}
	return "Authorization: Bearer " + made.Token + "\r\n"
}

// cookie is the header line with the cookie of a session of the tenant's admin.
func (srv *server) cookie(t *testing.T, subdomain string) string {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, admin(subdomain), password)
	r := srv.as(t, "", "POST", subdomain, "/api/session", body)
	pair, _, ok := strings.Cut(r.header.Get("Set-Cookie"), ";")
	if !ok {
		t.Fatalf("%d %v", r.status, r.header)
	}
	return "Cookie: " + pair + "\r\n"
}

// TestForeignCredentials takes what lets people in at one tenant to another,
// whose database holds the same ids.
func TestForeignCredentials(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		srv := s.serve(t)
		for _, subdomain := range []string{"acme", "globex"} {
			srv.post(t, subdomain, "/api/projects", `{"name":"Secret of `+subdomain+`"}`)
		}
		for home, away := range map[string]string{"acme": "globex", "globex": "acme"} {
			for _, line := range []string{srv.bearer(t, home), srv.apiToken(t, home), srv.cookie(t, home)} {
				if r := srv.as(t, line, "GET", home, "/api/projects", ""); r.status != http.StatusOK || !strings.Contains(r.body, "Secret of "+home) {
					t.Errorf("%.20s at home: %d %s", line, r.status, r.body)
				}
				expectStranger(t, srv, line, away)
			}
		}
	})
}

// expectStranger expects that the tenant doesn't accept a header line.
func expectStranger(t *testing.T, srv *server, line, subdomain string) {
	t.Helper()
	for _, request := range []struct{ method, path, body string }{
		{"GET", "/api/me", ""}, {"GET", "/api/projects", ""}, {"GET", "/api/projects/1", ""}, {"GET", "/api/users", ""},
		{"GET", "/api/tokens", ""}, {"GET", "/api/sessions", ""}, {"GET", "/api/activity", ""}, {"GET", "/api/nothing", ""},
		{"POST", "/api/projects", `{"name":"Intruder"}`}, {"PATCH", "/api/projects/1", `{"name":"Intruder"}`},
		{"DELETE", "/api/projects/1", ""}, {"DELETE", "/api/session", ""}, {"POST", "/api/users", `{"email":"x@y.example","name":"x"}`},
		{"POST", "/api/me/password", `{"current_password":"` + password + `","new_password":"` + password + `!"}`},
	} {
		r := srv.as(t, line, request.method, subdomain, request.path, request.body)
		want := http.StatusUnauthorized
		if request.path == "/api/nothing" {
			want = http.StatusNotFound
		}
		if r.status != want || strings.Contains(r.body, "Secret") {
			t.Errorf("%.20s: %s %s at %s: %d %s", line, request.method, request.path, subdomain, r.status, r.body)
		}
	}
	if r := srv.get(t, subdomain, "/api/projects"); !strings.Contains(r.body, "Secret of "+subdomain) || strings.Contains(r.body, "Intruder") {
		t.Errorf("%s afterwards: %s", subdomain, r.body)
	}
}

// TestRoutesAreClosed asks for everything without a credential.
func TestRoutesAreClosed(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	a := s.open(t)
	open := map[string]bool{
		"GET /healthz": true, "HEAD /healthz": true, "POST /api/session": true, "POST /api/invitation": true,
		"GET /invitation": true, "HEAD /invitation": true, "POST /invitation": true,
		"POST /api/password-reset": true, "GET /password-reset": true, "HEAD /password-reset": true, "POST /password-reset": true,
		"GET /sign-in": true, "HEAD /sign-in": true, "POST /sign-in": true, "POST /leave": true, // ends a visit, which needs no visit
		"GET /assets/:file": true, "HEAD /assets/:file": true, // for everybody, at every host
	}
	srv := s.serve(t)
	for _, route := range routesOf(a.Public()) {
		name := route.Method + " " + route.Path
		if open[name] {
			delete(open, name)
			continue
		}
		r := srv.as(t, "", route.Method, "acme", strings.ReplaceAll(route.Path, ":id", "1"), "")
		if r.status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if len(open) > 0 {
		t.Errorf("%v are not there", open)
	}
}

// TestEveryOperatorRouteNeedsTheToken, or a session of who has shown it.
func TestEveryOperatorRouteNeedsTheToken(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	a := s.open(t)
	open := []string{"/healthz", "/readyz", "/sign-in", "/sign-out", "/assets/:file"}
	srv := s.serve(t)
	for _, route := range routesOf(a.Operator(t.Context(), "")) {
		if slices.Contains(open, route.Path) {
			continue
		}
		path := strings.NewReplacer(":tenant", "acme", ":subdomain", "acme", ":host", "a.example", ":profile", "heap").Replace(route.Path)
		r := send(t, srv.operator, route.Method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		if r.status != http.StatusUnauthorized {
			t.Errorf("%s %s: %d %s", route.Method, path, r.status, r.body)
		}
	}
}

// TestOperatorsTokenIsForTheirListener only, and a tenant's for the other.
func TestOperatorsTokenIsForTheirListener(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	token := srv.token(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Secret of acme"}`)
	expectStranger(t, srv, token, "acme")
	for _, path := range []string{"/api/tenants", "/api/tenants/acme", "/debug/pprof/", "/debug/pprof/heap", "/metrics", "/nothing", "/", "/tenants", "/tenants/acme", "/doctor/events"} {
		for lines, want := range map[string]int{"": 401, srv.bearer(t, "acme"): 401, srv.cookie(t, "acme"): 401} {
			r := send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n"+lines+"Connection: close\r\n\r\n")
			if r.status != want || !strings.Contains(r.body, "unauthenticated") {
				t.Errorf("%s with %.20q: %d %s", path, lines, r.status, r.body)
			}
		}
	}
}

// TestOperatorListener does with the token what operators do.
func TestOperatorListener(t *testing.T) {
	t.Parallel()
	s := newSQLite(t).with("TENANTRY_OPERATOR_TOKEN=" + strings.Repeat("sesame", 6))
	srv := s.serve(t)
	ask := func(method, path, body string) reply {
		lines := strings.Replace(head(method, "operator", path, len(body)), "operator.localhost", srv.operator, 1)
		return send(t, srv.operator, lines+"Authorization: Bearer "+strings.Repeat("sesame", 6)+"\r\nConnection: close\r\n\r\n"+body)
	}
	made := ask("POST", "/api/tenants", `{"subdomain":"acme","admin_email":"`+admin("acme")+`"}`)
	var d struct{ Invitation struct{ URL string } }
	if err := json.Unmarshal([]byte(made.body), &d); err != nil || made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	_, port, _ := strings.Cut(srv.public, ":")
	if !strings.HasPrefix(d.Invitation.URL, "http://acme.localhost:"+port+"/invitation?") {
		t.Errorf("the link is %s", d.Invitation.URL)
	}
	if r := srv.accept(t, "acme", d.Invitation.URL); r.status != http.StatusCreated {
		t.Errorf("%d %s", r.status, r.body)
	}
	for path, want := range map[string]int{
		"/api/tenants/acme": 200, "/api/tenants": 200, "/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200,
		"/debug/pprof/cmdline": 404, "/debug/vars": 404, "/api/projects": 404, "/metrics": 200,
	} {
		if r := ask("GET", path, ""); r.status != want {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := ask("PUT", "/api/tenants", ""); r.status != http.StatusMethodNotAllowed || !strings.Contains(r.header.Get("Allow"), "POST") {
		t.Errorf("PUT: %d %v", r.status, r.header)
	}
	if r := send(t, srv.operator, "PUT /api/tenants HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); r.status != http.StatusUnauthorized || r.header.Get("Allow") != "" {
		t.Errorf("PUT without the token: %d %v", r.status, r.header)
	}
}

// TestSignedInCrowd has the people of more tenants than may be open ask for
// their own and each other's data at the same time.
func TestSignedInCrowd(t *testing.T) {
	t.Parallel()
	subdomains := []string{"acme", "globex", "initech", "hooli", "umbrella", "vandelay"}
	each(t, func(t *testing.T, s site) {
		for _, subdomain := range subdomains {
			s.create(t, subdomain)
		}
		srv := s.serve(t, "--max-open-tenants=3")
		for _, subdomain := range subdomains {
			srv.post(t, subdomain, "/api/projects", `{"name":"Secret of `+subdomain+`"}`)
		}
		t.Run("crowd", func(t *testing.T) {
			for worker := range 8 {
				t.Run(fmt.Sprint(worker), func(t *testing.T) {
					t.Parallel()
					random := rand.New(rand.NewPCG(uint64(worker), 1))
					for range 40 {
						home, at := subdomains[random.IntN(len(subdomains))], subdomains[random.IntN(len(subdomains))]
						expectOwn(t, home, at, srv.as(t, srv.bearer(t, home), "GET", at, "/api/projects", ""))
					}
				})
			}
		})
	})
}

// expectOwn expects a user of home to see home's data there, and nothing at any
// other tenant.
func expectOwn(t *testing.T, home, at string, r reply) {
	t.Helper()
	if home != at {
		if r.status != http.StatusUnauthorized || strings.Contains(r.body, "Secret") {
			t.Errorf("%s at %s: %d %s", home, at, r.status, r.body)
		}
		return
	}
	if r.status != http.StatusOK || strings.Count(r.body, "Secret") != 1 || !strings.Contains(r.body, "Secret of "+home) {
		t.Errorf("%s at home: %d %s", home, r.status, r.body)
	}
}
