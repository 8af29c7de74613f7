//go:build unix

package command

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// limited is spawn under a limit on open files, soft and hard.
func (s site) limited(t *testing.T, files int, args ...string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)
	return s.launch(t, exec.Command("/bin/sh", slices.Concat([]string{"-c", script, self}, serveArgs(args))...))
}

// promptly is how long a client of a crowded server may wait for an answer.
const promptly = 15 * time.Second

// TestFewOpenFiles has more clients keep their connections than the process may
// have files, while requests open more tenants than it can hold at once: every
// client is answered, and no tenant's file fails to open.
func TestFewOpenFiles(t *testing.T) {
	t.Parallel()
	for files, test := range map[int]struct{ clients, placesOfClients, openTenants int }{
		256: {300, 73, 9}, 1024: {600, 429, 61}, // as app shares files out
	} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			t.Parallel()
			s := newSQLite(t)
			names := crowd(t, s, 14)
			srv := s.limited(t, files)
			for _, part := range []string{fmt.Sprintf(`"open_files":%d`, files), fmt.Sprintf(`"clients":%d`, test.placesOfClients), fmt.Sprintf(`"open_tenants":%d`, test.openTenants)} {
				if !strings.Contains(srv.log.String(), part) {
					t.Errorf("the log at start doesn't say %s: %s", part, srv.log)
				}
			}
			for i := range test.clients { // the first from one address, the others from many
				v := visit(t, srv.public, fmt.Sprintf("127.0.%d.2", max(0, i-60)%250))
				promptAnswer(t, v, fmt.Sprintf("idle client %d", i), "localhost", "")
			}
			useAll(t, srv, names)
			promptAnswer(t, visit(t, srv.public, "127.0.0.1"), "a new client", names[0], srv.bearer(t, names[0]))
			if r := send(t, srv.operator, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); r.status != http.StatusOK {
				t.Errorf("operator: %d %s", r.status, r.body)
			}
			if log := srv.log.String(); strings.Contains(log, "too many open files") || strings.Contains(log, "unable to open") {
				t.Errorf("files ran out: %s", log)
			}
		})
	}
}

// crowd makes tenants and returns their subdomains.
func crowd(t *testing.T, s site, n int) []string {
	t.Helper()
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("tenant%d", i))
		s.create(t, names[i])
	}
	return names
}

// useAll reads and writes at all tenants at once, some over.
func useAll(t *testing.T, srv *server, names []string) {
	t.Helper()
	var all sync.WaitGroup
	for _, name := range names {
		srv.bearer(t, name)
		for i := range 3 {
			all.Go(func() {
				for j := range 4 {
					if r := srv.post(t, name, "/api/projects", fmt.Sprintf(`{"name":"Project %d.%d"}`, i, j)); r.status != http.StatusCreated && r.header.Get("Retry-After") == "" {
						t.Errorf("%s: write: %d %s", name, r.status, r.body)
					}
					if r := srv.get(t, name, "/api/projects"); r.status != http.StatusOK && r.header.Get("Retry-After") == "" {
						t.Errorf("%s: read: %d %s", name, r.status, r.body)
					}
				}
			})
		}
	}
	all.Wait()
}

// promptAnswer asks something, and has to be served, or told to come again.
func promptAnswer(t *testing.T, v visitor, who, host, header string) {
	t.Helper()
	path := "/api/projects"
	if header == "" {
		path = "/healthz"
	}
	if host != "localhost" {
		host += ".localhost"
	}
	begin := time.Now()
	if _, err := io.WriteString(v, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+header+"\r\n"); err != nil {
		t.Fatalf("%s: %v", who, err)
	}
	r := receive(t, v, v.from, http.MethodGet)
	if r.status != http.StatusOK && (r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "") {
		t.Errorf("%s: %d %s", who, r.status, r.body)
	}
	if took := time.Since(begin); took > promptly {
		t.Errorf("%s waited %s", who, took)
	}
}
