package command

import (
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// TestTenantSet changes settings beside a server: pages and limits follow, and lists find the tenant by them.
func TestTenantSet(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.create(t, "globex")
		srv := s.serve(t)
		if page := srv.page(t, "acme.localhost", "/sign-in", "").body; !strings.Contains(page, `<html lang="en" class="hue-`) {
			t.Fatalf("before: %s", page)
		}
		out := s.must(t, "tenant", "set", "acme", "language=de", "colour=orange", "plan=free", "--no-header")
		if want := "time_zone\tUTC\tdefault\nlanguage\tde\tits own\ncolour\torange\tits own\nplan\tfree\tits own\n"; out != want {
			t.Errorf("it says %q", out)
		}
		wait.Until(t, "the pages to follow", func() bool {
			return strings.Contains(srv.page(t, "acme.localhost", "/sign-in", "").body, `<html lang="de" class="hue-1">`)
		})
		if out := s.must(t, "tenant", "limit", "acme", "--no-header"); !strings.HasPrefix(out, "requests\t20/s\tplan=free\n") {
			t.Errorf("limits: %s", out)
		}
		if out := s.must(t, "tenant", "limit", "acme", "--requests=200/s", "--no-header"); !strings.HasPrefix(out, "requests\t200/s\tits own\nconcurrency\t8\tplan=free\nsize\t500MB\tplan=free\nfiles\t10GB\tdefault\n") {
			t.Errorf("limits of its own: %s", out)
		}
		for where, want := range map[string]string{"plan=free": "acme", "plan=business": "globex", "colour=": "globex"} {
			if out := s.must(t, "tenant", "list", "--where", where, "--no-header"); !strings.HasPrefix(out, want+"\t") || strings.Count(out, "\n") != 1 {
				t.Errorf("--where %s: %s", where, out)
			}
		}
		if out := s.must(t, "tenant", "query", "SELECT 1", "--where=plan=free", "--no-header"); out != "acme\t1\n" {
			t.Errorf("query: %s", out)
		}
		if out := s.must(t, "tenant", "set", "acme", "colour=", "--no-header"); !strings.Contains(out, "colour\tauto\tdefault\n") {
			t.Errorf("reset: %s", out)
		}
		for _, bad := range []struct{ args, want string }{
			{"acme plan=gold", "plan must be one of: free, team, business"}, {"acme time_zone=Mars", "time_zone must be a time zone, such as Europe/Berlin"},
			{"acme size=1", "size is not a setting; there are time_zone, language, colour, plan"}, {"acme plan", "want KEY=VALUE"}, {"acme =x", "want KEY=VALUE"}, {"acme plan=free plan=team", "plan is set twice"},
		} {
			if r := s.run(t, append([]string{"tenant", "set"}, strings.Fields(bad.args)...)...); r.status != exitUsage || !strings.Contains(r.stderr, bad.want) {
				t.Errorf("%s: %d %s", bad.args, r.status, r.stderr)
			}
		}
		for _, args := range []string{"list --where=plan=gold", "query TABLE --where=plan=gold"} {
			if r := s.run(t, append([]string{"tenant"}, strings.Fields(args)...)...); r.status != exitUsage {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
		if r := s.run(t, "tenant", "set", "nobody", "plan=team"); r.status != exitFailed {
			t.Errorf("nobody: %d %s", r.status, r.stderr)
		}
		if out := s.must(t, "operations", "--tenant=acme", "--kind=set", "--no-header"); strings.Count(out, "\n") != 2 {
			t.Errorf("the ledger: %s", out)
		}
		if out := s.must(t, "tenant", "show", "acme"); !strings.Contains(out, "language\tde\n") {
			t.Errorf("show: %s", out)
		}
	})
}
