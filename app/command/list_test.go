package command

import (
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/document"
)

// TestTenantListIsFiltered, and the list of operations.
func TestTenantListIsFiltered(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		for _, name := range []string{"acme", "globex", "initech"} {
			s.must(t, "tenant", "create", name, "--name="+strings.ToUpper(name))
		}
		s.must(t, "tenant", "suspend", "globex", "--by=Ben")
		s.must(t, "tenant", "archive", "initech", "--yes")
		s.must(t, "tenant", "purge", "initech", "--yes")
		for args, want := range map[string]string{
			"": "acme globex", "--all": "acme globex X", "--all --limit=1": "acme globex X", "--state=purged": "X", "--state=suspended": "globex",
			"--server=default --search=ACME": "acme", "--schema-version=1000": "", "--limit=1": "acme", "--limit=1 --after=acme": "globex",
		} {
			list := only[document.List[document.Tenant]](t, s.must(t, strings.Fields("tenant list --json "+args)...))
			var got []string
			for _, one := range list.Items {
				if one.State == tenants.StatePurged {
					one.Subdomain = "X"
				}
				got = append(got, one.Subdomain)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%q lists %q, want %q", args, got, want)
			}
		}
		operations := only[document.List[document.Operation]](t, s.must(t, "operations", "--done-by=Ben", "--json")).Items
		if len(operations) != 1 || operations[0].Kind != tenants.KindSuspend {
			t.Errorf("%+v", operations)
		}
		if out := s.must(t, "operations", "--tenant=acme", "--kind=create"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "acme") {
			t.Errorf("operations: %q", out)
		}
		for _, args := range []string{
			"tenant list --state=x", "tenant list --server=x", "tenant list --schema-version=0", "tenant list --limit=0",
			"operations --kind=x", "operations --state=x", "operations --since=x", "operations --until=x", "operations --tenant=nobody", "operations --limit=0",
			"operations --after=x", "operations --until=0001-01-01", "tenant list --schema-version=01",
		} {
			if r := s.run(t, strings.Fields(args)...); r.status != exitUsage || !strings.Contains(r.stderr, "--") {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
	})
}

// TestOperationKindsAreAll: a kind that is left out can't be asked for.
func TestOperationKindsAreAll(t *testing.T) {
	t.Parallel()
	all := tenants.OperationKinds()
	for _, kind := range operationKinds(t) {
		if !slices.Contains(all, kind) {
			t.Errorf("tenants.OperationKinds lacks %q", kind)
		}
	}
}
