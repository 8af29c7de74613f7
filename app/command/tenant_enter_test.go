package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"tenantry/tenants/document"
)

// visit opens an operator's link to acme, and returns the header with the visit's cookie.
func (srv *server) visit(t *testing.T, link string) (cookie string) {
	t.Helper()
	at, err := url.Parse(link)
	if err != nil || at.Hostname() != "acme.localhost" || at.Path != "/enter" {
		t.Fatalf("the link is %q, %v", link, err)
	}
	form := url.Values{"token": {at.Query().Get("token")}}.Encode()
	r := send(t, srv.public, fmt.Sprintf("POST /enter HTTP/1.1\r\nHost: acme.localhost\r\nConnection: close\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	cookie, _, _ = strings.Cut(r.header.Get("Set-Cookie"), ";")
	if r.status != http.StatusSeeOther || !strings.HasPrefix(cookie, "visit=tntv_") {
		t.Fatalf("%d %v %s", r.status, r.header, r.body)
	}
	return "Cookie: " + cookie + "\r\n"
}

// TestTenantEnter enters by command and by the API, beside a server.
func TestTenantEnter(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		var made document.Entrance
		var ada document.Operator
		read := func(text string, into any) {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
		}
		read(s.must(t, "tenant", "enter", "acme", "--as="+admin("acme"), "--reason=asked", "--json"), &made)
		if made.Write || made.ExpiresAt.Sub(made.LinkExpiresAt).Minutes() != 29 {
			t.Errorf("%+v", made)
		}
		reads := srv.visit(t, made.URL)
		if r := srv.as(t, reads, "GET", "acme", "/api/me", ""); r.status != 200 || !strings.Contains(r.body, admin("acme")) {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := srv.as(t, reads, "POST", "acme", "/api/projects", `{"name":"Anvils"}`); r.status != 403 || !strings.Contains(r.body, "reading-only") {
			t.Errorf("%d %s", r.status, r.body)
		}
		read(s.must(t, "operator", "add", "ada", "--role=viewer", "--json"), &ada)
		enter := func(body string) reply {
			return send(t, srv.operator, fmt.Sprintf("POST /api/tenants/acme/enter HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nConnection: close\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", ada.Token, len(body), body))
		}
		asked := fmt.Sprintf(`{"user":%q,"reason":"asked","write":true}`, admin("acme"))
		if r := enter(asked); r.status != http.StatusForbidden {
			t.Errorf("a viewer: %d %s", r.status, r.body)
		}
		s.must(t, "operator", "role", "ada", "operator")
		for _, body := range []string{`{}`, `{"user":"nobody@acme.example","reason":"asked"}`, fmt.Sprintf(`{"user":%q}`, admin("acme"))} {
			if r := enter(body); r.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", body, r.status, r.body)
			}
		}
		r := enter(asked)
		if read(r.body, &made); r.status != http.StatusCreated || !made.Write {
			t.Fatalf("%d %s", r.status, r.body)
		}
		writes := srv.visit(t, made.URL)
		if r := srv.as(t, writes, "POST", "acme", "/api/projects", `{"name":"Anvils"}`); r.status != http.StatusCreated {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := srv.get(t, "acme", "/api/activity"); !strings.Contains(r.body, "(by operator ada, on their behalf)") || !strings.Contains(r.body, "let operator ada in as "+admin("acme")) {
			t.Errorf("activity: %s", r.body)
		}
		s.must(t, "operator", "remove", "ada")
		if r := srv.as(t, writes, "GET", "acme", "/api/me", ""); r.status != http.StatusUnauthorized {
			t.Errorf("of a removed operator: %d %s", r.status, r.body)
		}
		if ledger := s.must(t, "operations", "--kind=enter", "--no-header"); strings.Count(ledger, "\n") != 2 || !strings.Contains(ledger, "ada") {
			t.Errorf("the ledger: %s", ledger)
		}
		for args, want := range map[string]int{
			"acme --as=x@acme.example --reason=asked": exitFailed, "nope --as=" + admin("acme") + " --reason=asked": exitFailed,
			"acme --as=" + admin("acme"): exitUsage, "acme --as=" + admin("acme") + " --reason=": exitUsage,
		} {
			if r := s.run(t, append([]string{"tenant", "enter"}, strings.Fields(args)...)...); r.status != want {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
		if secret := regexp.MustCompile(`tnt[ev]_\w+`).FindString(srv.log.String()); secret != "" {
			t.Errorf("the log has %s", secret)
		}
	})
}
