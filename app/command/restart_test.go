package command

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// consolePage opens a page of the operators' console.
func (srv *server) consolePage(t *testing.T, path string) reply {
	t.Helper()
	form := "token=" + operatorSecret
	entered := send(t, srv.operator, fmt.Sprintf("POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	cookie, _, _ := strings.Cut(entered.header.Get("Set-Cookie"), ";")
	return send(t, srv.operator, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: "+cookie+"\r\nConnection: close\r\n\r\n")
}

// TestChartsSurviveARestart, and show what another process served.
func TestChartsSurviveARestart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s = s.with("TENANTRY_OPERATOR_TOKEN=" + operatorSecret)
		s.create(t, "acme")
		first := s.serve(t)
		for range 5 {
			first.get(t, "acme", "/api/projects")
		}
		if status := first.stop(t); status != exitDone {
			t.Fatalf("status %d: %s", status, first.log)
		}
		second := s.serve(t)
		for _, path := range []string{"/", "/tenants/acme"} {
			r := second.consolePage(t, path)
			for _, want := range []string{"6 requests in the last hour", "0 failed"} { // the admin signed in
				if r.status != http.StatusOK || !strings.Contains(r.body, want) {
					t.Errorf("%s lacks %q: %d %.3000s", path, want, r.status, r.body)
				}
			}
		}
	})
}
