package command

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/document"
)

// TestMaintenanceBesideAServer closes a tenant while two processes serve it: programs get a problem of its own type with
// Retry-After, browsers a page, and other tenants are served. It prints how long it took from the beginning of the command.
func TestMaintenanceBesideAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		servers := []*server{s.serve(t), s.spawn(t)}
		for _, srv := range servers {
			srv.expect(t, "acme", http.StatusOK)
		}
		begin := time.Now()
		defer func() {
			if shown := s.must(t, "tenant", "show", "acme"); strings.Contains(shown, "maintenance_since") {
				t.Errorf("show: %s", shown)
			}
		}()
		got := only[document.Tenant](t, s.must(t, "tenant", "maintenance", "acme", "on", "--message", "We move <today>.", "--until", "2h", "--json"))
		if got.Maintenance == nil || got.Maintenance.Message != "We move <today>." || got.State != tenants.StateActive {
			t.Errorf("%+v", got)
		}
		for i, srv := range servers {
			srv.expect(t, "acme", http.StatusServiceUnavailable)
			t.Logf("in force in process %d after %v", i, time.Since(begin).Round(time.Millisecond))
			srv.expect(t, "globex", http.StatusOK)
			r := srv.get(t, "acme", "/api/projects")
			if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 7000 || wait > 7200 ||
				!strings.Contains(r.body, `"urn:tenantry:problem:planned-maintenance"`) || !strings.Contains(r.body, "is closed for maintenance until ") {
				t.Errorf("%v %s", r.header, r.body)
			}
			page := srv.page(t, "acme.localhost", "/", "")
			if page.status != http.StatusServiceUnavailable || !strings.Contains(page.body, "<h1>Closed for maintenance</h1>") ||
				!strings.Contains(page.body, "We move &lt;today&gt;.") || !strings.Contains(page.body, got.Maintenance.Until.Format("2 Jan 2006, 15:04")) {
				t.Errorf("%d %s", page.status, page.body)
			}
		}
		if shown := s.must(t, "tenant", "show", "acme"); !strings.Contains(shown, "maintenance_message\tWe move <today>.\n") {
			t.Errorf("show: %s", shown)
		}
		s.must(t, "tenant", "admin", "acme", "--admin-email=eve@example.com") // operators reach it
		if got := s.must(t, "tenant", "maintenance", "acme", "off"); got != "tenant acme is active\n" {
			t.Errorf("off says %q", got)
		}
		for _, srv := range servers {
			srv.expect(t, "acme", http.StatusOK)
		}
		all := only[changedTenants](t, s.must(t, "tenant", "maintenance", "--all", "on", "--json"))
		if all.Done != 2 || len(all.Failed) != 0 {
			t.Errorf("%+v", all)
		}
		for _, srv := range servers {
			srv.expect(t, "globex", http.StatusServiceUnavailable)
			if r := srv.get(t, "acme", "/api/projects"); r.header.Get("Retry-After") != "60" {
				t.Errorf("without a time: %v", r.header)
			}
		}
		if got := s.must(t, "tenant", "maintenance", "--all", "off"); got != "maintenance of 2 tenants has ended\n" {
			t.Errorf("off says %q", got)
		}
		servers[1].expect(t, "globex", http.StatusOK)
	})
}

// TestMaintenanceMisused: nothing is changed, and the message says what would be right.
func TestMaintenanceMisused(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	for line, want := range map[string]string{
		"acme": "on or off", "acme maybe": "on or off", "--all": "expected", "--all acme on": "--all is for all tenants", "acme off --message=x": "are for on",
		"acme on --until=soon": "--until must be a time such as", "acme on --until=2020-01-01": "--until must be in the future", "acme on --until=-2h": "--until must be in the future",
	} {
		if r := s.run(t, append([]string{"tenant", "maintenance"}, strings.Fields(line)...)...); r.status != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%q: status %d, %s", line, r.status, r.stderr)
		}
	}
	if r := s.run(t, "tenant", "maintenance", "nobody", "on"); r.status != exitFailed || !strings.Contains(r.stderr, "tenantry tenant list") {
		t.Errorf("nobody: status %d, %s", r.status, r.stderr)
	}
	if got := s.must(t, "operations", "--kind", "maintenance", "--no-header"); got != "" {
		t.Errorf("the ledger has %s", got)
	}
}
