package command

import (
	"strings"
	"testing"

	"tenantry/tenants/document"
)

// TestHandlesOfAServer lists what a server has open from another process, and closes it there.
func TestHandlesOfAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		srv.get(t, "acme", "/api/projects")
		list := only[document.HandleList](t, s.must(t, "tenant", "handles", "acme", "--json"))
		if len(list.Items) != 1 || list.Open != 1 || list.Items[0].Subdomain != "acme" || list.Items[0].Leases != 0 || list.Items[0].IdleSince == nil || list.Items[0].Process == "" {
			t.Fatalf("%+v", list)
		}
		if out := s.must(t, "tenant", "handles", "--sort=idle", "--limit=1", "--no-header"); strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "acme\t"+list.Items[0].Process+"\t0\t") {
			t.Errorf("%q", out)
		}
		if out := s.must(t, "tenant", "handles", "acme", "--close"); !strings.Contains(out, list.Items[0].Process) {
			t.Errorf("%q", out)
		}
		if list := only[document.HandleList](t, s.must(t, "tenant", "handles", "--json")); len(list.Items) != 0 || list.Open != 0 {
			t.Errorf("after closing: %+v", list)
		}
		s.must(t, "tenant", "handles", "acme", "--close")
		for _, wrong := range []string{"tenant handles --close", "tenant handles --limit=0", "tenant handles --sort=name"} {
			if r := s.run(t, strings.Fields(wrong)...); r.status != exitUsage || r.stderr == "" {
				t.Errorf("%s: %+v", wrong, r)
			}
		}
		if r := s.run(t, "tenant", "handles", "nope"); r.status != exitFailed || !strings.Contains(r.stderr, "tenantry tenant list") {
			t.Errorf("%+v", r)
		}
	})
}
