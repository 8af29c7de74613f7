package command

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusalsWriteLittle refuses many requests of all kinds, from an address
// that has no tries left: the tenant's files don't grow, and the log little.
func TestRefusalsWriteLittle(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	srv := s.serve(t)
	bearer := srv.bearer(t, "acme")
	srv.as(t, bearer, "GET", "acme", "/api/me", "") // which notes the session's use
	lockOut(t, srv)
	form := "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n"
	requests := map[string]func() reply{
		"sign in": func() reply {
			return srv.as(t, "", "POST", "acme", "/api/session", `{"email":"admin@acme.example","password":"a wrong password"}`)
		},
		"password": func() reply {
			return srv.as(t, bearer, "POST", "acme", "/api/me/password", `{"current_password":"a wrong password","new_password":"another password"}`)
		},
		"confirm": func() reply {
			return srv.as(t, bearer, "POST", "acme", "/api/tokens", `{"name":"x","current_password":"a wrong password"}`)
		},
		"invitation": func() reply {
			return srv.as(t, "", "POST", "acme", "/api/invitation", `{"token":"tnti_`+strings.Repeat("A", 43)+`","password":"another password"}`)
		},
		"token":   func() reply { return srv.as(t, invented, "GET", "acme", "/api/projects", "") },
		"nowhere": func() reply { return srv.as(t, "", "GET", "nobody", "/api/projects", "") },
		"operator's API": func() reply {
			return send(t, srv.operator, "GET /api/tenants HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\nConnection: close\r\n\r\n")
		},
		"console": func() reply {
			return send(t, srv.operator, "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"+form+"Content-Length: 11\r\nConnection: close\r\n\r\ntoken=wrong")
		},
	}
	files, logged := tenantBytes(t, s), len(srv.log.String())
	for name, ask := range requests {
		for i := range 40 {
			if r := ask(); r.status/100 != 4 {
				t.Fatalf("%s, %d: %d %s", name, i, r.status, r.body)
			}
		}
	}
	if now := tenantBytes(t, s); now != files {
		t.Errorf("refused requests wrote %d bytes to the tenant's files", now-files)
	}
	if grown := len(srv.log.String()) - logged; grown > 60<<10 {
		t.Errorf("refused requests wrote %d bytes to the log", grown)
	}
}

// lockOut uses up the tries of this address.
func lockOut(t *testing.T, srv *server) {
	t.Helper()
	for i := range 60 {
		body := fmt.Sprintf(`{"email":"u%d@acme.example","password":"a wrong password"}`, i)
		if r := srv.as(t, "", "POST", "acme", "/api/session", body); r.status == http.StatusTooManyRequests {
			return
		}
	}
	t.Fatal("the address has tries left")
}

// tenantBytes returns the size of all tenants' files, including their logs.
func tenantBytes(t *testing.T, s site) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, "tenants"), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
