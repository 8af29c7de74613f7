package command

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tenantry/tenants/tenantstest/wait"
)

// heap returns the size of the server's live objects after a collection, in bytes.
func (srv *server) heap(t *testing.T) int64 {
	t.Helper()
	r := send(t, srv.operator, "GET /debug/pprof/heap?debug=1&gc=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+srv.token(t)+"\r\n")
	_, rest, ok := strings.Cut(r.body, "# HeapAlloc = ")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseInt(line, 10, 64)
	if !ok || err != nil {
		t.Fatalf("%d %.300s", r.status, r.body)
	}
	return n
}

// stall sends a head and part of a body, and then nothing more. What the server
// answers meanwhile arrives on the channel, or nil when it closes first.
func stall(t *testing.T, srv *server, head string, sent int) <-chan *http.Response {
	t.Helper()
	v, answer := visit(t, srv.public, "127.0.0.1"), make(chan *http.Response, 1)
	go func() {
		_, _ = io.WriteString(v, head+"\r\n"+strings.Repeat("a", sent)) // the server may close before
	}()
	go func() {
		response, _ := http.ReadResponse(bufio.NewReader(v), nil)
		answer <- response
	}()
	return answer
}

// TestStalledUploadsOfStrangersTakeNoMemory stalls uploads of clients that have
// shown nothing of worth: they are refused, or share a small memory.
func TestStalledUploadsOfStrangersTakeNoMemory(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.spawn(t)
	srv.bearer(t, "acme")
	for name, test := range map[string]struct {
		path, header   string
		declared, sent int
	}{
		"invented token": {"/api/projects/1/tasks/import", invented, 10_000_000, 1_000_000},
		"sign in":        {"/api/session", "", 60_000, 59_000},
		"huge sign in":   {"/api/session", "", 10_000_000, 1_000_000},
	} {
		before := srv.heap(t)
		for range 40 {
			stall(t, srv, head("POST", "acme", test.path, test.declared)+test.header, test.sent)
		}
		time.Sleep(time.Second) // for what may arrive; nothing tells when all has, and what comes later makes the test laxer, not wrong
		if grown := srv.heap(t) - before; grown > 12<<20 {
			t.Errorf("%s: 40 stalled requests take %d bytes", name, grown)
		}
	}
}

// TestStalledUploadsAreBounded stalls uploads of a member: together they get no
// more than a tenant's share, the others are told to come again, and another
// tenant is none the worse.
func TestStalledUploadsAreBounded(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	srv := s.spawn(t)
	header, before := srv.bearer(t, "acme"), srv.heap(t)
	srv.post(t, "acme", "/api/projects", `{"name":"Large"}`)
	var answers []<-chan *http.Response
	for range 40 {
		answers = append(answers, stall(t, srv, head("POST", "acme", "/api/projects/1/tasks/import", 10_000_000)+header, 1_500_000))
	}
	refused := 0
	wait.Until(t, "uploads beyond the share to be refused", func() bool {
		for _, answer := range answers {
			select {
			case response := <-answer:
				if response == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
					t.Fatalf("%+v", response)
				}
				refused++
			default:
			}
		}
		return refused >= 20
	})
	if grown := srv.heap(t) - before; grown > 80<<20 {
		t.Errorf("40 stalled uploads take %d bytes", grown)
	}
	if r := srv.post(t, "globex", "/api/projects", `{"name":"Small"}`); r.status != http.StatusCreated {
		t.Errorf("another tenant: %d %s", r.status, r.body)
	}
}
