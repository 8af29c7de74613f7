package command

import (
	"fmt"
	"net/http"
	"testing"
)

// TestOtherOrigins holds which origins' pages may read the API: exactly those
// that are configured, with a bearer token and never with a cookie.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	const tools = "https://tools.example.com"
	s := newSQLite(t)
	s.create(t, "acme")
	open, closed := s.serve(t, "--cors-origins="+tools), s.serve(t)
	bearer := open.bearer(t, "acme")
	const preflight = "Access-Control-Request-Method: PATCH\r\nAccess-Control-Request-Headers: authorization\r\n"
	tests := []struct {
		srv           *server
		method, host  string
		origin, lines string
		status        int
		allowed       bool
	}{
		{open, "OPTIONS", "acme", tools, preflight, http.StatusNoContent, true},
		{open, "GET", "acme", tools, bearer, http.StatusOK, true},
		{open, "GET", "acme", tools, "", http.StatusUnauthorized, true}, // a page may read why
		{open, "OPTIONS", "acme", tools, "", http.StatusMethodNotAllowed, true},
		{open, "OPTIONS", "acme", "https://evil.example.com", preflight, http.StatusMethodNotAllowed, false},
		{open, "GET", "acme", "https://evil.example.com", bearer, http.StatusOK, false},
		{open, "GET", "acme", "https://tools.example.com.evil.com", bearer, http.StatusOK, false},
		{open, "GET", "acme", "http://tools.example.com", bearer, http.StatusOK, false},
		{open, "GET", "acme", "null", bearer, http.StatusOK, false},
		{open, "GET", "acme", "", bearer, http.StatusOK, false},
		{open, "OPTIONS", "nobody", tools, preflight, http.StatusNotFound, false},
		{closed, "OPTIONS", "acme", tools, preflight, http.StatusMethodNotAllowed, false},
		{closed, "GET", "acme", tools, bearer, http.StatusOK, false},
	}
	for _, test := range tests {
		lines := test.lines
		if test.origin != "" {
			lines += fmt.Sprintf("Origin: %s\r\n", test.origin)
		}
		r := test.srv.as(t, lines, test.method, test.host, "/api/projects", "")
		want := ""
		if test.allowed {
			want = test.origin
		}
		if r.status != test.status || r.header.Get("Access-Control-Allow-Origin") != want || r.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s of %q at %s: %d %v", test.method, test.origin, test.host, r.status, r.header)
		}
	}
}

func TestCORSOriginsAreExact(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"*", "null", "https://*.example.com", "tools.example.com", "https://tools.example.com/", "https://Tools.example.com", "ftp://x", "https://u:p@x", "https://"} {
		r := newSQLite(t).run(t, "tenant", "list", "--cors-origins="+bad)
		if r.status != exitUsage {
			t.Errorf("%q: status %d, %s", bad, r.status, r.stderr)
		}
	}
}
