package command

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestCookiesOverTLS have the name that only the host itself can set.
func TestCookiesOverTLS(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, admin("acme"), password)
	for _, test := range []struct {
		args []string
		line string
		tls  bool
	}{
		{nil, "", false},
		{nil, "X-Forwarded-Proto: https\r\n", false},
		{[]string{"--trusted-proxies=127.0.0.0/8"}, "X-Forwarded-Proto: https\r\n", true},
		{[]string{"--trusted-proxies=127.0.0.0/8"}, "", false},
		{[]string{"--public-url=https://localhost"}, "", true},
	} {
		srv := s.serve(t, test.args...)
		r := srv.as(t, test.line, "POST", "acme", "/api/session", body)
		cookie := r.header.Get("Set-Cookie")
		if r.status != http.StatusCreated || strings.HasPrefix(cookie, "__Host-") != test.tls || strings.Contains(cookie, "; Secure") != test.tls ||
			!strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Lax") || strings.Contains(cookie, "Domain") {
			t.Errorf("%v %q: %d %s", test.args, test.line, r.status, cookie)
		}
		if (r.header.Get("Strict-Transport-Security") != "") != test.tls {
			t.Errorf("%v %q: %v", test.args, test.line, r.header)
		}
		pair, _, _ := strings.Cut(cookie, ";")
		if r := srv.as(t, test.line+"Cookie: "+pair+"\r\n", "GET", "acme", "/api/me", ""); r.status != http.StatusOK {
			t.Errorf("%v %q: the cookie gives %d %s", test.args, test.line, r.status, r.body)
		}
		srv.stop(t)
	}
}
