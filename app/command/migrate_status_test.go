package command

import (
	"os"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
)

// TestMigrateStatusNamesTenants has one tenant that is behind, two whose migration failed, and one that is current.
func TestMigrateStatusNamesTenants(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, subdomain := range []string{"acme", "globex", "hooli", "initech"} {
		s.must(t, "tenant", "create", subdomain)
	}
	for _, subdomain := range []string{"globex", "initech"} {
		s.setVersion(t, subdomain, 0)
		damage(t, s.file(t, subdomain))
	}
	s.run(t, "migrate", "up")
	s.setVersion(t, "acme", latest(t)-1)
	r := s.run(t, "migrate", "status", "--tenants", "--limit", "2", "--json")
	page := only[document.List[fleet.Outdated]](t, r.stdout)
	if r.status != exitFailed || page.Next == nil || *page.Next != "globex" || len(page.Items) != 2 {
		t.Fatalf("status %d, %s, %s", r.status, r.stdout, r.stderr)
	}
	if acme, globex := page.Items[0], page.Items[1]; acme.Subdomain != "acme" || acme.Error != "" || acme.SchemaVersion != latest(t)-1 ||
		acme.Target != latest(t) || globex.Subdomain != "globex" || globex.Error == "" {
		t.Errorf("got %+v", page.Items)
	}
	if r := s.run(t, "migrate", "status", "--tenants", "--after", *page.Next, "--no-header"); !strings.HasPrefix(r.stdout, "initech\t") || strings.Count(r.stdout, "\n") != 1 {
		t.Errorf("the next page is %q", r.stdout)
	}
}

// TestMigrateStatusVerifies finds what the master doesn't know.
func TestMigrateStatusVerifies(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, subdomain := range []string{"acme", "globex", "hooli", "initech"} {
		s.must(t, "tenant", "create", subdomain)
	}
	s.must(t, "tenant", "suspend", "initech")
	if r := s.run(t, "migrate", "status", "--verify"); r.status != exitDone || r.stdout != "all is well\n" {
		t.Errorf("status %d, %s, %s", r.status, r.stdout, r.stderr)
	}
	s.setVersion(t, "acme", latest(t)-1)
	damage(t, s.file(t, "initech"))
	r := s.run(t, "migrate", "status", "--verify", "--json")
	var subjects []string
	for _, f := range only[document.List[lifecycle.Finding]](t, r.stdout).Items {
		subjects = append(subjects, f.Subject)
	}
	if r.status != exitFailed || !slices.Equal(slices.Compact(subjects), []string{"acme", "initech"}) {
		t.Errorf("status %d, %s, %s", r.status, r.stdout, r.stderr)
	}
}

// damage overwrites a database with what is none.
func damage(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
}
