package command

import (
	"strings"
	"testing"

	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest/wait"
)

// TestSetName changes a display name beside a server, whose pages show it at once.
func TestSetName(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		if r := srv.page(t, "acme.localhost", "/sign-in", ""); !strings.Contains(r.body, "Sign in to acme") {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if got := only[document.Tenant](t, s.must(t, "tenant", "set-name", "acme", "Acme Joinery", "--json")); got.Name != "Acme Joinery" {
			t.Errorf("%+v", got)
		}
		wait.Until(t, "the pages to show the name", func() bool {
			return strings.Contains(srv.page(t, "acme.localhost", "/sign-in", "").body, "Sign in to Acme Joinery")
		})
		if out := s.must(t, "tenant", "set-name", "acme", " Acme "); out != "tenant acme is called Acme\n" {
			t.Errorf("it says %q", out)
		}
		for status, args := range map[int][]string{exitUsage: {"acme", " "}, exitFailed: {"nobody", "Nobody"}} {
			if r := s.run(t, append([]string{"tenant", "set-name"}, args...)...); r.status != status {
				t.Errorf("%q: %d %s", args, r.status, r.stderr)
			}
		}
	})
}
