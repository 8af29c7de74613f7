package operator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestHandles lists open databases, refuses to close one in use, and closes it afterwards.
func TestHandles(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace(), Rest: time.Hour}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
		list := func(query string) (found []string) {
			t.Helper()
			for _, h := range decoded[document.List[document.Handle]](t, s.as("x", "GET", "/api/handles"+query, "")).Items {
				if h.Server != acme.Server || h.OpenedAt.IsZero() || (h.IdleSince == nil) != (h.Leases > 0) {
					t.Errorf("%+v", h)
				}
				found = append(found, fmt.Sprint(h.Subdomain, " ", h.Leases))
			}
			return found
		}
		want := func(query, names string) {
			t.Helper()
			if got := strings.Join(list(query), ", "); got != names {
				t.Errorf("%s: %q, want %q", query, got, names)
			}
		}
		remove := func(name string, status int, text string) {
			t.Helper()
			if w := s.as("x", "DELETE", "/api/handles/"+name, ""); w.Code != status || !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, status)
			}
		}
		for _, name := range list("") { // those that making tenants opened
			name, _, _ = strings.Cut(name, " ")
			remove(name, http.StatusNoContent, "")
		}
		nothing := func(*gorm.DB) error { return nil }
		if err := env.Store.View(t.Context(), globex, nothing); err != nil {
			t.Fatal(err)
		}
		if err := env.Store.View(t.Context(), acme, func(*gorm.DB) error {
			want("", "acme 1, globex 0")
			want("?sort=leases&limit=1", "acme 1")
			want("?sort=idle", "globex 0, acme 1")
			remove("acme", http.StatusConflict, "scopes: 1")
			want("?limit=1", "acme 1")
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		remove("acme", http.StatusNoContent, "")
		want("", "globex 0")
		remove("acme", http.StatusNotFound, "no open database")
		remove("nope", http.StatusNotFound, "no tenant")
		for _, wrong := range []string{"?sort=name", "?sort=", "?limit=0", "?limit=201", "?order=idle"} {
			if w := s.as("x", "GET", "/api/handles"+wrong, ""); w.Code < 400 || w.Code > 422 {
				t.Errorf("%s: %d %s", wrong, w.Code, w.Body)
			}
		}
	})
}
