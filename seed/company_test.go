package seed

import (
	"slices"
	"strings"
	"testing"

	"tenantry/tenants"
)

// eachCompany runs f as a parallel subtest for each company.
func eachCompany(t *testing.T, f func(t *testing.T, c company)) {
	t.Helper()
	for _, c := range companies() {
		t.Run(c.subdomain, func(t *testing.T) {
			t.Parallel()
			f(t, c)
		})
	}
}

func TestCompaniesCanBeTenants(t *testing.T) {
	t.Parallel()
	if got := Subdomains(); !slices.Equal(got, []string{"acme", "globex", "initech"}) {
		t.Errorf("Subdomains() = %q", got)
	}
	for _, c := range companies() {
		if err := tenants.ValidateSubdomain(c.subdomain); err != nil {
			t.Error(err)
		}
		if c.name == "" || len(c.name) > 200 {
			t.Errorf("%s is named %q", c.subdomain, c.name)
		}
	}
}

func TestPeopleInTheTables(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		if !c.people[0].admin {
			t.Errorf("%s opened the account and is no admin", c.people[0].login)
		}
		seen := map[string]bool{}
		for _, someone := range c.people {
			if seen[someone.login] || seen[someone.name] {
				t.Errorf("%s is there twice", someone.login)
			}
			seen[someone.login], seen[someone.name] = true, true
			if someone.since > c.people[0].since {
				t.Errorf("%s was there before the account", someone.login)
			}
			if !slices.ContainsFunc(c.projects, func(p project) bool { return p.lead == someone.login || p.wants(someone) }) {
				t.Errorf("%s works on nothing", someone.login)
			}
		}
	})
}

func TestProjectsInTheTables(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		for _, p := range c.projects {
			team := c.members(p)
			if len(team) < 2 || c.people[team[0]].login != p.lead {
				t.Fatalf("%s: the team is %v, its lead %q", p.name, team, p.lead)
			}
			if c.people[team[0]].since < p.opened {
				t.Errorf("%s: %s leads it and was not there yet", p.name, p.lead)
			}
			for _, name := range p.team {
				if !slices.ContainsFunc(c.people, func(q person) bool { return q.team == name || q.login == name }) {
					t.Errorf("%s: nobody is %q", p.name, name)
				}
			}
			if p.opened <= max(0, p.closed) || p.tasks < len(p.own) || p.archived && p.closed <= 0 {
				t.Errorf("%s: opened %d, closed %d days ago, %d tasks, %d of its own, archived %v",
					p.name, p.opened, p.closed, p.tasks, len(p.own), p.archived)
			}
		}
	})
}

// TestWordsAreUsed finds words that no template asks for.
func TestWordsAreUsed(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		var all []string
		for _, p := range c.projects {
			k := p.kind
			mine := slices.Concat(k.start, k.build, k.finish, k.ongoing)
			wantSlots(t, p.name, p.words, mine)
			all = append(all, mine...)
		}
		wantSlots(t, c.name, c.words, all)
	})
}

func wantSlots(t *testing.T, of string, known words, templates []string) {
	t.Helper()
	text := strings.Join(templates, "\n")
	for slot, fillings := range known {
		if !strings.Contains(text, "{"+slot+"}") {
			t.Errorf("%s: no template has {%s}", of, slot)
		}
		if len(slices.Compact(slices.Sorted(slices.Values(fillings)))) != len(fillings) {
			t.Errorf("%s: {%s} has a word twice", of, slot)
		}
	}
}
