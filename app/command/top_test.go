package command

import (
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/wait"
	"tenantry/tenants/traffic"
)

// TestTop shows what a server did, once it has told so.
func TestTop(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	if out := s.must(t, "top"); strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "TENANT\tREQUESTS/S\t") {
		t.Errorf("without a server: %q", out)
	}
	srv := s.serve(t)
	standing := func() traffic.Standing {
		srv.get(t, "acme", "/api/projects")
		return only[traffic.Standing](t, s.must(t, "top", "--once", "--json"))
	}
	wait.For(t, "acme's requests and size", standing, func(now traffic.Standing) bool {
		return len(now.Tenants) == 1 && now.Tenants[0].Subdomain == "acme" && now.Processes == 1 && now.Tenants[0].P95 > 0 && now.Tenants[0].Size != nil
	})
	mark, err := traffic.ReadMark(t.Context(), s.open(t).Store().Master())
	if got := mark.Since(nil, func(g traffic.Group) bool { return g == traffic.Group{Server: "default", SchemaVersion: latest(t)} }); err != nil || got.Requests == 0 {
		t.Errorf("by schema version: %+v, %v", got, err)
	}
	out := s.must(t, "top", "--sort=size", "--limit=1", "--no-header")
	if !strings.HasPrefix(out, "acme\t") || strings.Count(out, "\t") != 7 {
		t.Errorf("%q", out)
	}
	for _, wrong := range []string{"top --sort=name", "top --limit=0", "top --limit=201", "top acme"} {
		if r := s.run(t, strings.Fields(wrong)...); r.status != exitUsage || r.stderr == "" {
			t.Errorf("%s: %+v", wrong, r)
		}
	}
}

// TestTopOnATerminal replaces the table that is shown.
func TestTopOnATerminal(t *testing.T) {
	t.Parallel()
	size := int64(4096)
	screen := string(topScreen(traffic.Standing{Processes: 2, Tenants: []traffic.TenantActivity{
		{ID: "1", Subdomain: "acme", Server: "default", Activity: traffic.Activity{Requests: 12.34, P95: 0.0123, Connections: 2}, Size: &size},
		{ID: "01gone"},
	}}))
	for _, want := range []string{"\x1b[H\x1b[2J", "processes with requests: 2", "acme     12.3", "12.3 ms", "4096", "01gone   0 "} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen lacks %q: %q", want, screen)
		}
	}
}
