package command

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
)

// at asks the public listener for a path at a host, as the tenant's admin.
func (srv *server) at(t *testing.T, host, subdomain, path string) reply {
	t.Helper()
	return send(t, srv.public, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: close\r\n\r\n", path, host, srv.bearer(t, subdomain)))
}

// TestDomains gives a tenant a host of its own beside a server: unknown until
// its owner has published the challenge, then the tenant's.
func TestDomains(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		srv := s.serve(t)
		srv.post(t, "acme", "/api/projects", `{"name":"Anvils"}`)
		const host = "work.acme.example"

		r := s.run(t, "tenant", "domain", "add", "acme", "Work.Acme.Example", "--json")
		added := only[document.Domain](t, r.stdout)
		if r.status != exitDone || added.Host != host || added.VerifiedAt != nil || added.Value == "" {
			t.Fatalf("add: %d %+v, %s", r.status, added, r.stderr)
		}
		if told := s.must(t, "tenant", "domain", "add", "acme", host); !strings.Contains(told, added.Record) || !strings.Contains(told, added.Value) {
			t.Errorf("add again: %s", told)
		}
		if r := s.run(t, "tenant", "domain", "verify", "acme", host); r.status != exitFailed || !strings.Contains(r.stderr, added.Value) {
			t.Errorf("not published: %d %s", r.status, r.stderr)
		}
		if r := srv.at(t, host, "acme", "/api/projects"); r.status != http.StatusNotFound {
			t.Errorf("not verified: %d", r.status)
		}
		s.txt.values.Store(added.Record, "wrong")
		if r := s.run(t, "tenant", "domain", "verify", "acme", host); r.status != exitFailed {
			t.Errorf("something else published: %d %s", r.status, r.stdout)
		}
		s.txt.values.Store(added.Record, added.Value)
		s.must(t, "tenant", "domain", "verify", "acme", host)
		for _, spelled := range []string{host, "WORK.acme.example", host + ".", host + ":8443"} {
			wait.Until(t, spelled, func() bool {
				r := srv.at(t, spelled, "acme", "/api/projects")
				return r.status == http.StatusOK && strings.Contains(r.body, "Anvils")
			})
		}
		if r := srv.at(t, host, "globex", "/api/projects"); r.status != http.StatusUnauthorized {
			t.Errorf("globex's session at acme's host: %d", r.status)
		}
		if r := s.run(t, "tenant", "domain", "add", "globex", host); r.status != exitFailed || strings.Contains(r.stderr, "acme\"") {
			t.Errorf("for another tenant: %d %s", r.status, r.stderr)
		}
		wantPrimary(t, srv, host)

		s.must(t, "tenant", "domain", "remove", "acme", host)
		wait.Until(t, "the removal", func() bool { return srv.at(t, host, "acme", "/api/projects").status == http.StatusNotFound })
	})
}

// wantPrimary makes the host the one where links lead.
func wantPrimary(t *testing.T, srv *server, host string) {
	t.Helper()
	s, port := srv.site, srv.port()
	invite := func() string { return s.must(t, "tenant", "admin", "acme", "--admin-email=eve@acme.example") }
	if got := invite(); !strings.Contains(got, "http://acme.localhost:"+port+"/invitation") {
		t.Errorf("links lead to %s", got)
	}
	s.must(t, "tenant", "domain", "add", "acme", host, "--primary")
	if got := invite(); !strings.Contains(got, "http://"+host+":"+port+"/invitation") {
		t.Errorf("links lead to %s", got)
	}
	if got := s.must(t, "tenant", "show", "acme"); !strings.Contains(got, "http://"+host+":"+port) {
		t.Errorf("show: %s", got)
	}
	s.must(t, "tenant", "domain", "add", "acme", host) // demotes nothing
	list := only[document.List[document.Domain]](t, s.must(t, "tenant", "domain", "list", "acme", "--json"))
	if len(list.Items) != 1 || !list.Items[0].Primary || list.Items[0].VerifiedAt == nil {
		t.Errorf("list: %+v", list)
	}
}
