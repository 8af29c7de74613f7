package command

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestEveryRouteRefusesUnknownQueries walks all routes of both listeners: a
// route that declares no parameters takes none, and none drops what it can't
// parse.
func TestEveryRouteRefusesUnknownQueries(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	a := s.open(t)
	srv := s.serve(t)
	operators := routesOf(a.Operator(t.Context(), ""))
	for _, listener := range []struct {
		routes     gin.RoutesInfo
		addr, host string
		lines      string
	}{
		{routesOf(a.Public()), srv.public, "acme.localhost", srv.bearer(t, "acme")},
		{operators, srv.operator, "localhost", srv.token(t) + "Cookie: " + srv.consoleCookie(t) + "\r\n"},
	} {
		for _, route := range listener.routes {
			if route.Path == "/debug/pprof/symbol" {
				continue // its query is a list of addresses
			}
			for query, want := range map[string]string{
				"nope=1": "nope", "a=%zz": "a=%zz", "a=1;nope=2": "a=1;nope=2", "after=x&after=y": "after",
			} {
				r := send(t, listener.addr, fmt.Sprintf("%s %s?%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
					route.Method, somewhere(route.Path), query, listener.host, listener.lines))
				if r.status != http.StatusBadRequest || route.Method != http.MethodHead && !strings.Contains(r.body, want) {
					t.Errorf("%s %s?%s: %d %s", route.Method, route.Path, query, r.status, r.body)
				}
			}
		}
	}
}

// somewhere fills the parameters of a route's path in.
func somewhere(path string) string {
	return strings.NewReplacer(":id", "1", ":subdomain", "acme", ":tenant", "acme", ":host", "work.example.com", ":file", "x", ":profile", "heap").Replace(path)
}

// consoleCookie is a session at the operator's console.
func (srv *server) consoleCookie(t *testing.T) string {
	t.Helper()
	form := "token=" + strings.TrimSpace(strings.TrimPrefix(srv.token(t), "Authorization: Bearer "))
	entered := send(t, srv.operator, fmt.Sprintf("POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	cookie, _, _ := strings.Cut(entered.header.Get("Set-Cookie"), ";")
	return cookie
}
