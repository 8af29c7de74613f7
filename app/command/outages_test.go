package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tenantry/tenants/document"
)

// TestBrokenDatabaseHarmsOneTenant breaks a tenant's database in each way and
// finds its neighbour well.
func TestBrokenDatabaseHarmsOneTenant(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		s.drop(t, "acme")
		expectUnavailable(t, s)
	})
	t.Run("corrupt", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.create(t, "acme")
		s.create(t, "globex")
		damage(t, s.file(t, "acme"))
		expectUnavailable(t, s)
	})
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.create(t, "acme")
		s.create(t, "globex")
		if err := os.Truncate(s.file(t, "acme"), 0); err != nil {
			t.Fatal(err)
		}
		expectUnavailable(t, s)
	})
	t.Run("another tenant's", func(t *testing.T) {
		t.Parallel()
		s := newSQLite(t)
		s.create(t, "acme")
		s.create(t, "globex")
		content, err := os.ReadFile(s.file(t, "globex"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.file(t, "acme"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		expectUnavailable(t, s)
	})
}

// expectUnavailable expects 503 of acme, and nothing made for it, while globex
// works.
func expectUnavailable(t *testing.T, s site) {
	t.Helper()
	srv := s.serve(t)
	before := s.files(t)
	for range 2 {
		r := srv.get(t, "acme", "/api/projects")
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" || strings.Contains(r.body, s.dir) {
			t.Errorf("acme: %d %v %s", r.status, r.header, r.body)
		}
		if r := srv.post(t, "globex", "/api/projects", fmt.Sprintf(`{"name":%q}`, time.Now())); r.status != http.StatusCreated {
			t.Errorf("globex: %d %s", r.status, r.body)
		}
	}
	if after := s.files(t); !slices.Equal(before, after) {
		t.Errorf("files %v became %v", before, after)
	}
}

// tenant is the row of a tenant, read through an App of its own.
func (s site) tenant(t *testing.T, subdomain string) document.Tenant {
	t.Helper()
	var d document.Tenant
	if err := json.Unmarshal([]byte(s.must(t, "tenant", "show", subdomain, "--json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// file is a tenant's database on SQLite.
func (s site) file(t *testing.T, subdomain string) string {
	t.Helper()
	return filepath.Join(s.dir, "tenants", s.tenant(t, subdomain).Database)
}

// drop removes a tenant's database behind the master's back.
func (s site) drop(t *testing.T, subdomain string) {
	t.Helper()
	a := s.open(t)
	row, err := a.Manager().Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	if err := engineOf(a).Drop(t.Context(), row); err != nil {
		t.Fatal(err)
	}
}
