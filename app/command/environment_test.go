package command

import (
	"strings"
	"testing"
)

func TestUnknownVariablesAreToldWithoutTheirValue(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.must(t, "tenant", "create", "acme")
	s.environ = append(s.environ, "TENANTRY_ADDRESS=hunter2", "TENANTRY_TEST_REQUIRE=postgres", "TENANTRY_SERVER_URL=x", "TENANTRYADDR=x", "OTHER=x")
	r := s.run(t, "tenant", "show", "acme")
	const want = "tenantry: warning: TENANTRY_ADDRESS is not a setting; did you mean TENANTRY_ADDR?\n"
	if r.status != exitDone || r.stderr != want {
		t.Errorf("status %d, %q; want %q", r.status, r.stderr, want)
	}
}

func TestEditDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 2}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("%q and %q are %d apart, want %d", test.a, test.b, got, test.want)
		}
	}
}

func TestHelpNamesSettingsAndExamples(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"serve", "tenant create", "tenant list", "tenant show", "migrate up", "migrate status", "seed", "version", "doctor", "key new", "tenant admin"} {
		r := site{}.run(t, append(strings.Fields(command), "--help")...)
		if r.status != exitDone || r.stderr != "" {
			t.Errorf("%s: status %d, %s", command, r.status, r.stderr)
		}
		for _, part := range []string{"tenantry " + command, "Examples:", "--json"} {
			if !strings.Contains(r.stdout, part) {
				t.Errorf("help of %s does not contain %q", command, part)
			}
		}
		if got, want := strings.Contains(r.stdout, "$TENANTRY_DATABASE_URL"), command == "serve"; got != want {
			t.Errorf("help of %s shows settings: %t, want %t", command, got, want)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	t.Parallel()
	for line, hint := range map[string]string{
		"":                         "tenantry --help",
		"tenant":                   "tenantry tenant --help",
		"tenant craete x":          "tenantry tenant --help",
		"tenant create":            "tenantry tenant create --help",
		"tenant list --limt 3":     "tenantry tenant list --help",
		"tenant list --limit x":    "tenantry tenant list --help",
		"tenant list --limit 0":    "--limit",
		"tenant list --limit 1001": "--limit",
		"tenant create www":        "is reserved",
		"tenant create a_b":        "may hold only",
		"seed hooli":               "there are acme",
		"version --json extra":     "tenantry version --help",

		"migrate up --tenant=":                "a subdomain is empty",
		"migrate up --canary=a --except=a,,b": "a subdomain is empty",
		"migrate plan --tenant=a --tenant=":   "a subdomain is empty",
		"tenant query SELECT --tenant=":       "a subdomain is empty",
		"tenant query SELECT --except=a,":     "a subdomain is empty",
	} {
		s := newSQLite(t)
		r := s.run(t, strings.Fields(line)...)
		if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, hint) {
			t.Errorf("%q: status %d, %q, %q; want %q", line, r.status, r.stdout, r.stderr, hint)
		}
	}
}
