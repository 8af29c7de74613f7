package command

import (
	"os"
	"strings"
	"testing"

	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/trial"
)

// TestMigratePlan has a tenant that is behind, and one that isn't.
func TestMigratePlan(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	if out := s.must(t, "migrate", "plan"); strings.Count(out, "\n") != 1 {
		t.Errorf("nothing is pending: %q", out)
	}
	s.must(t, "tenant", "create", "globex")
	s.setVersion(t, "globex", latest(t)-1)
	plan := only[document.List[fleet.Forecast]](t, s.must(t, "migrate", "plan", "--json", "--strict")).Items
	if len(plan) != 1 || plan[0].Tenants != 1 || plan[0].Largest != "globex" || plan[0].Bytes == 0 || plan[0].From != latest(t)-1 ||
		plan[0].To != latest(t) || len(plan[0].Report.Migrations) != 1 {
		t.Errorf("plan %+v", plan)
	}
	for args, status := range map[string]int{
		"plan --tenant acme": exitDone, "plan --tenant hooli": exitFailed, "plan --parallel 65": exitUsage, "plan --parallel 0": exitUsage,
		"up --dry-run=rows": exitUsage, "up --dry-run --resume": exitUsage, "up --dry-run --seed 1": exitUsage, "up --dry-run=data --tenant hooli": exitFailed,
	} {
		if r := s.run(t, append([]string{"migrate"}, strings.Fields(args)...)...); r.status != status {
			t.Errorf("%s: status %d, %s", args, r.status, r.stderr)
		}
	}
}

// TestMigrateDryRun rehearses on copies and migrates no tenant.
func TestMigrateDryRun(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, subdomain := range []string{"acme", "globex"} {
		s.must(t, "tenant", "create", subdomain)
		s.setVersion(t, subdomain, latest(t)-1)
	}
	before, err := os.ReadFile(s.file(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	s.must(t, "migrate", "up", "--dry-run")
	result := only[rehearsed](t, s.must(t, "migrate", "up", "--dry-run=data", "--seed", "7", "--json"))
	if result.Seed != 7 || len(result.Items) != 2 || result.Items[0].Report == nil || result.Items[0].Error != "" {
		t.Errorf("rehearsed %+v", result)
	}
	damage(t, s.file(t, "globex"))
	r := s.run(t, "migrate", "up", "--dry-run=data", "--tenant", "acme,globex")
	if r.status != exitFailed || strings.Count(r.stdout, "failed: ") != 1 {
		t.Errorf("status %d, %s, %s", r.status, r.stdout, r.stderr)
	}
	if after, err := os.ReadFile(s.file(t, "acme")); err != nil || string(after) != string(before) {
		t.Errorf("the tenant's file was changed, %v", err)
	}
	if runs := only[document.List[fleet.Run]](t, s.must(t, "migrate", "runs", "--json")).Items; len(runs) > 0 {
		t.Errorf("runs %+v", runs)
	}
	if r := s.run(t, "migrate", "status"); r.status != exitFailed {
		t.Errorf("no tenant is behind any more: %s", r.stdout)
	}
}

// TestPlanVerdict fails for what can't be done, and with --strict for what is dangerous.
func TestPlanVerdict(t *testing.T) {
	t.Parallel()
	finding := func(danger bool) []trial.Finding { return []trial.Finding{{Danger: danger}} }
	with := func(failure string, danger bool) fleet.Forecast {
		return fleet.Forecast{Report: &trial.Report{Error: failure, Migrations: []trial.Migration{
			{Findings: finding(false), Statements: []trial.Statement{{Findings: finding(danger)}}},
		}}}
	}
	for _, test := range []struct {
		strict, fails bool
		forecasts     []fleet.Forecast
	}{
		{false, false, []fleet.Forecast{with("", true)}},
		{true, true, []fleet.Forecast{with("", false), with("", true)}},
		{true, false, []fleet.Forecast{with("", false)}},
		{false, true, []fleet.Forecast{with("", false), with("syntax", false)}},
	} {
		p := planCommand{Strict: test.strict}
		if err := p.verdict(test.forecasts); (err != nil) != test.fails {
			t.Errorf("%+v: %v", test, err)
		}
	}
}
