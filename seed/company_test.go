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
		t.Run(c.Subdomain, func(t *testing.T) {
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
		if err := tenants.ValidateSubdomain(c.Subdomain); err != nil {
			t.Error(err)
		}
		if c.Name == "" || len(c.Name) > 200 {
			t.Errorf("%s is named %q", c.Subdomain, c.Name)
		}
	}
}

func TestPeopleInTheTables(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		if !c.People[0].Admin {
			t.Errorf("%s opened the account and is no admin", c.People[0].Login)
		}
		seen := map[string]bool{}
		for _, someone := range c.People {
			if seen[someone.Login] || seen[someone.Name] {
				t.Errorf("%s is there twice", someone.Login)
			}
			seen[someone.Login], seen[someone.Name] = true, true
			if someone.Since > c.People[0].Since {
				t.Errorf("%s was there before the account", someone.Login)
			}
			if !slices.ContainsFunc(c.Projects, func(p project) bool { return p.Lead == someone.Login || p.wants(someone) }) {
				t.Errorf("%s works on nothing", someone.Login)
			}
		}
	})
}

func TestProjectsInTheTables(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		for _, p := range c.Projects {
			team := c.members(p)
			if len(team) < 2 || c.People[team[0]].Login != p.Lead {
				t.Fatalf("%s: the team is %v, its lead %q", p.Name, team, p.Lead)
			}
			if c.People[team[0]].Since < p.Opened {
				t.Errorf("%s: %s leads it and was not there yet", p.Name, p.Lead)
			}
			if _, ok := c.Kinds[p.Kind]; p.Kind != "" && !ok {
				t.Errorf("%s: there is no kind %q", p.Name, p.Kind)
			}
			for _, name := range p.Team {
				if !slices.ContainsFunc(c.People, func(q person) bool { return q.Team == name || q.Login == name }) {
					t.Errorf("%s: nobody is %q", p.Name, name)
				}
			}
			if p.Opened <= max(0, p.Closed) || p.Tasks < len(p.Own) || p.Archived && p.Closed <= 0 {
				t.Errorf("%s: opened %d, closed %d days ago, %d tasks, %d of its own, archived %v",
					p.Name, p.Opened, p.Closed, p.Tasks, len(p.Own), p.Archived)
			}
		}
	})
}

// TestWordsAreUsed finds words that no template asks for.
func TestWordsAreUsed(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		var all []string
		for _, p := range c.Projects {
			k := c.Kinds[p.Kind]
			mine := slices.Concat(k.Start, k.Build, k.Finish, k.Ongoing)
			wantSlots(t, p.Name, p.Words, mine)
			all = append(all, mine...)
		}
		wantSlots(t, c.Name, c.Words, all)
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
