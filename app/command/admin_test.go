package command

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"tenantry/tenants/document"
)

// linkToken returns the token in an invitation's link.
var linkToken = regexp.MustCompile(`/invitation\?token=(tnti_[A-Za-z0-9_-]{43})$`)

// accept takes an invitation at a tenant.
func (srv *server) accept(t *testing.T, subdomain, link string) reply {
	t.Helper()
	found := linkToken.FindStringSubmatch(link)
	if found == nil {
		t.Fatalf("%q is no link", link)
	}
	return srv.as(t, "", "POST", subdomain, "/api/invitation", fmt.Sprintf(`{"token":%q,"password":%q}`, found[1], password))
}

// TestFirstAdmin is invited with the tenant, and signs in with what they chose.
func TestFirstAdmin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		created := s.must(t, "tenant", "create", "acme", "--admin-email="+admin("acme"), "--json", "--addr=:9000")
		d := only[document.Created](t, created)
		if d.Subdomain != "acme" || d.State != "active" || d.Invitation == nil || !strings.HasPrefix(d.Invitation.URL, "http://acme.localhost:9000/invitation?") || !d.Invitation.ExpiresAt.After(d.CreatedAt) {
			t.Fatalf("%s", created)
		}
		s.create(t, "globex")
		srv := s.serve(t)
		if r := srv.accept(t, "globex", d.Invitation.URL); r.status != http.StatusUnauthorized {
			t.Errorf("at another tenant: %d %s", r.status, r.body)
		}
		if r := srv.accept(t, "acme", d.Invitation.URL); r.status != http.StatusCreated {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := srv.accept(t, "acme", d.Invitation.URL); r.status != http.StatusUnauthorized {
			t.Errorf("a second time: %d %s", r.status, r.body)
		}
		if r := srv.get(t, "acme", "/api/me"); r.status != http.StatusOK || !strings.Contains(r.body, `"role":"admin"`) || !strings.Contains(r.body, admin("acme")) {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

// TestLinksComeFromTheConfiguration, in commands and on the operator's
// listener, whichever host the request names.
func TestLinksComeFromTheConfiguration(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.environ = append(s.environ, "TENANTRY_BASE_DOMAIN=example.com", "TENANTRY_PUBLIC_URL=https://example.com:8443")
	out := s.must(t, "tenant", "create", "acme", "--admin-email=ada@example.com")
	want := regexp.MustCompile(`^tenant acme is ready at https://acme\.example\.com:8443
ada@example\.com sets a password, once and before \d{4}-\S+Z, at https://acme\.example\.com:8443/invitation\?token=tnti_\S+
$`)
	if !want.MatchString(out) {
		t.Errorf("%s", out)
	}
	srv := s.serve(t)
	body := `{"subdomain":"globex","admin_email":"ada@example.com"}`
	r := send(t, srv.operator, fmt.Sprintf("POST /api/tenants HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Host: evil.com\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s",
		len(body), srv.token(t), body))
	if d := only[document.Created](t, r.body); r.status != http.StatusCreated || d.Invitation == nil || !strings.HasPrefix(d.Invitation.URL, "https://globex.example.com:8443/invitation?") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestPasswordFromStandardInput(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	long := strings.Repeat("x", 1024)
	for subdomain, test := range map[string]struct{ stdin, password string }{
		"newline":  {"twelve bytes\n", "twelve bytes"},
		"none":     {"twelve bytes", "twelve bytes"},
		"windows":  {"twelve bytes\r\n", "twelve bytes"},
		"more":     {"twelve bytes\nand more\n", "twelve bytes"},
		"spaces":   {"  twelve bytes  \n", "  twelve bytes  "},
		"longest":  {long + "\n", long},
		"longest2": {long + "\r\n", long},
		"unicode":  {"pässwörter 🔑\n", "pässwörter 🔑"},
	} {
		r := s.pipe(t, test.stdin, "tenant", "create", subdomain, "--admin-email="+admin(subdomain), "--admin-password-stdin")
		if r.status != exitDone || !strings.Contains(r.stdout, admin(subdomain)+" is an admin and signs in") || strings.Contains(r.stdout+r.stderr, strings.TrimSpace(test.password)) {
			t.Fatalf("%s: status %d, %q, %q", subdomain, r.status, r.stdout, r.stderr)
		}
		srv := s.serve(t)
		if _, ok := srv.signIn(t, subdomain, admin(subdomain), test.password); !ok {
			t.Errorf("%s: can't sign in", subdomain)
		}
		srv.stop(t)
	}
}

// TestBadAdmins: the status is 2, and nothing was created or even opened.
func TestBadAdmins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, stdin, want string }{
		{"--admin-password-stdin", "correct horse battery", "needs --admin-email"},
		{"--admin-email=ada", "", `"ada" must be a plain e-mail address`},
		{"--admin-email=Ada<ada@example.com>", "", "must be a plain e-mail address"},
		{"--admin-email=ada@example.com --admin-password-stdin", "", "at least 12 bytes"},
		{"--admin-email=ada@example.com --admin-password-stdin", "hunter2\n", "at least 12 bytes"},
		{"--admin-email=ada@example.com --admin-password-stdin", "\ncorrect horse battery", "at least 12 bytes"},
		{"--admin-email=ada@example.com --admin-password-stdin", strings.Repeat("hunter2!", 129), "at most 1024 bytes"},
		{"--admin-email=ada@example.com --admin-password-stdin", "hunter2\xff\xff\xff\xff\xff\xff", "valid Unicode"},
		{"--admin-email=ada@example.com --admin-password=hunter2", "", "--admin-password"},
	} {
		for _, line := range []string{"tenant create acme ", "tenant admin acme "} {
			s := newSQLite(t)
			r := s.pipe(t, test.stdin, strings.Fields(line+test.args)...)
			if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, test.want) || strings.Contains(r.stderr, "hunter2!") || strings.Contains(r.stderr, "correct") {
				t.Errorf("%s%s: status %d, %q, %q", line, test.args, r.status, r.stdout, r.stderr)
			}
			if files := s.files(t); len(files) > 0 {
				t.Errorf("%s%s: left %v", line, test.args, files)
			}
		}
	}
	if r := newSQLite(t).run(t, "tenant", "admin", "acme"); r.status != exitUsage || !strings.Contains(r.stderr, "--admin-email") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
}

// TestAdminCommand adds an admin to an existing tenant.
func TestAdminCommand(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "seed", "acme")
		srv := s.serve(t)
		d := only[adminDocument](t, s.must(t, "tenant", "admin", "acme", "--admin-email=new@acme.example", "--json"))
		if d.Subdomain != "acme" || d.AdminEmail != "new@acme.example" || d.Invitation == nil {
			t.Fatalf("%+v", d)
		}
		if r := srv.accept(t, "acme", d.Invitation.URL); r.status != http.StatusCreated || !strings.Contains(r.body, `"role":"admin"`) {
			t.Errorf("%d %s", r.status, r.body)
		}
		r := s.pipe(t, "another password", "tenant", "admin", "acme", "--admin-email=NEW@acme.example", "--admin-password-stdin")
		if r.status != exitDone || r.stdout != "NEW@acme.example is an admin and signs in with that password\n" {
			t.Errorf("status %d, %q, %s", r.status, r.stdout, r.stderr)
		}
		if _, ok := srv.signIn(t, "acme", "new@acme.example", password); ok {
			t.Error("the old password still works")
		}
		if _, ok := srv.signIn(t, "acme", "new@acme.example", "another password"); !ok {
			t.Error("the new password doesn't work")
		}
		if r := s.run(t, "tenant", "admin", "nobody", "--admin-email=a@b.example"); r.status != exitFailed || !strings.Contains(r.stderr, "tenantry tenant list") {
			t.Errorf("status %d, %s", r.status, r.stderr)
		}
	})
}
