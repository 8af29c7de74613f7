package seed

import (
	"slices"

	"tenantry/models"
)

// company is a demo tenant as acme.go, globex.go and initech.go tell it. From
// it generate makes the rows. Days count backwards from the reference day.
type company struct {
	subdomain string
	name      string
	// seed starts the random choices: another seed, another history.
	seed uint64
	// pace is the number of working days that a longer task takes.
	pace     int
	people   []person
	projects []project
	// words are known in all of the company's projects.
	words words
}

// person works at a company. The first one is an admin and opened the account.
type person struct {
	// login is the part of the e-mail address before the @, and the person's
	// name in these files.
	login string
	name  string
	team  string
	// since is how many days ago the person got the account.
	since int
	admin bool
}

// project is one of a company's, with what its tasks are called.
type project struct {
	name        string
	description string
	lead        string // a login
	team        []string
	// opened and closed are days ago. closed is negative for a project that is
	// to end so many days from now, and 0 for one without an end.
	opened, closed int
	archived       bool
	// tasks is the number of tasks, own titles and composed ones together.
	tasks int
	// own are titles that only this project has, in the order they come up.
	own   []string
	kind  kind
	words words
}

// kind is what the projects of one kind have in common: the templates of task
// titles, by the time of a project at which they come up. ongoing ones come up
// at any time.
type kind struct {
	start, build, finish, ongoing []string
}

// words are what stands in a template's {slots}, by the slot's name.
type words map[string][]string

// companies are the demo tenants, in the order in which they are made.
func companies() []company { return []company{acme(), globex(), initech()} }

// email is the person's address at an example domain (RFC 2606).
func (c company) email(p person) string { return p.login + "@" + c.subdomain + ".example" }

// members are the numbers of the people who work on a project, the lead first.
func (c company) members(p project) []int {
	var lead, rest []int
	for i, someone := range c.people {
		switch {
		case someone.login == p.lead:
			lead = append(lead, i)
		case p.wants(someone):
			rest = append(rest, i)
		}
	}
	return append(lead, rest...)
}

// planned is how many tasks the project will have had at its end.
func (p project) planned() int {
	if p.closed >= 0 {
		return p.tasks
	}
	return p.tasks * (p.opened - p.closed) / p.opened
}

// wants tells whether someone is on the project, by team or by login.
func (p project) wants(someone person) bool {
	return slices.Contains(p.team, someone.team) || slices.Contains(p.team, someone.login)
}

func (p person) role() models.Role {
	if p.admin {
		return models.RoleAdmin
	}
	return models.RoleMember
}
