package command

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// withhold sends the head of a request and no byte of its body, and reads the
// answer. It must come long before the body would be given up.
func withhold(t *testing.T, addr, request string) (reply, time.Duration) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := time.Now()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	r := receive(t, conn, from, http.MethodPost)
	took := time.Since(begin)
	if _, err := from.ReadByte(); err != io.EOF {
		t.Errorf("after %d the connection is not closed: %v", r.status, err)
	}
	return r, took
}

// invented has the form of a token, but is none.
var invented = "Authorization: Bearer tntt_" + strings.Repeat("A", 43) + "\r\n"

// TestRefusalsDontWaitForTheBody refuses requests whose body never comes.
func TestRefusalsDontWaitForTheBody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		var all sync.WaitGroup
		defer all.Wait()
		for name, test := range map[string]struct {
			host, method, path, header string
			want                       int
		}{
			"invented token":            {"acme", "POST", "/api/projects", invented, 401},
			"invented session":          {"acme", "POST", "/api/projects", "Cookie: session=tnts_" + strings.Repeat("A", 43) + "\r\n", 401},
			"no credential":             {"acme", "POST", "/api/projects", "", 401},
			"two credentials":           {"acme", "POST", "/api/projects", invented + invented, 401},
			"import":                    {"acme", "POST", "/api/projects/1/tasks/import", invented, 401},
			"password":                  {"acme", "POST", "/api/me/password", invented, 401},
			"page":                      {"acme", "POST", "/projects", "Accept: text/html\r\n" + invented, 401},
			"page of the password":      {"acme", "POST", "/account/password", "Accept: text/html\r\n" + invented, 401},
			"another origin":            {"acme", "POST", "/sign-in", "Origin: http://evil.example\r\nSec-Fetch-Site: cross-site\r\n", 403},
			"unknown tenant":            {"nobody", "POST", "/api/session", "", 404},
			"unknown path":              {"acme", "POST", "/nowhere", invented, 404},
			"another method":            {"acme", "PUT", "/api/projects", invented, 405},
			"body where none is wanted": {"acme", "GET", "/api/projects", invented, 401},
		} {
			for size, length := range map[string]string{"small": "Content-Length: 40\r\n", "large": "Content-Length: 300000\r\n", "chunked": "Transfer-Encoding: chunked\r\n"} {
				for _, expect := range []string{"", "Expect: 100-continue\r\n"} {
					all.Go(func() { // each waits until the server has closed its connection
						r, took := withhold(t, srv.public, head(test.method, test.host, test.path, 0)+
							"Content-Type: application/json\r\n"+length+expect+test.header+"\r\n")
						if r.status != test.want || took > bodyPatience/2 {
							t.Errorf("%s, %s, %q: %d after %s, want %d", name, size, expect, r.status, took, test.want)
						}
					})
				}
			}
		}
	})
}

// TestTooLargeIsRefusedAtOnce refuses bodies by what they say of themselves.
func TestTooLargeIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	bearer := srv.bearer(t, "acme")
	for path, header := range map[string]string{
		"/api/session": "", "/api/invitation": "", "/sign-in": "", "/invitation": "", "/api/projects": bearer, "/api/me/password": bearer,
	} {
		r, took := withhold(t, srv.public, head("POST", "acme", path, 2<<20)+header+"\r\n")
		if r.status != http.StatusRequestEntityTooLarge || took > bodyPatience/2 {
			t.Errorf("%s: %d after %s", path, r.status, took)
		}
	}
	for _, path := range []string{"/api/tenants", "/sign-in"} {
		r, took := withhold(t, srv.operator, head("POST", "acme", path, 2<<20)+"\r\n")
		if r.status/100 != 4 || took > bodyPatience/2 {
			t.Errorf("operator's %s: %d after %s", path, r.status, took)
		}
	}
}

// TestSlowBodiesEnd gives up on a body that doesn't come, of those who may send
// one, and serves others meanwhile.
func TestSlowBodiesEnd(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	bearer := srv.bearer(t, "acme")
	if r := srv.as(t, bearer, "POST", "acme", "/api/projects", `{"name":"Anvils"}`); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if r := srv.as(t, bearer, "POST", "acme", "/api/projects/1/tasks", `{"title":"Drop one"}`); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	paths := []string{"/api/projects", "/api/session", "/api/tasks/1/attachments?name=x"}
	answers := make(chan reply, len(paths))
	for _, path := range paths {
		go func() {
			r, _ := withhold(t, srv.public, head("POST", "acme", path, 40)+bearer+"\r\n{")
			answers <- r
		}()
	}
	if r := srv.as(t, bearer, "POST", "acme", "/api/projects", `{"name":"Rockets"}`); r.status != http.StatusCreated {
		t.Errorf("beside slow bodies: %d %s", r.status, r.body)
	}
	for range paths {
		if r := <-answers; r.status != http.StatusRequestTimeout {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
}

// TestWholeBodiesKeepTheConnection sends several requests over one.
func TestWholeBodiesKeepTheConnection(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	conn, err := net.DialTimeout("tcp", srv.public, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	from, bearer := bufio.NewReader(conn), srv.bearer(t, "acme")
	for i := range 3 {
		body := fmt.Sprintf(`{"name":"Project %d"}`, i)
		if _, err := io.WriteString(conn, head("POST", "acme", "/api/projects", len(body))+bearer+"\r\n"+body); err != nil {
			t.Fatal(err)
		}
		if r := receive(t, conn, from, http.MethodPost); r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
}
