package seed

import (
	"slices"

	"tenantry/models"
)

// company is a demo tenant as its file in data describes it. generate makes the
// rows from it. Days count backwards from the reference day.
type company struct {
	Subdomain string
	Name      string
	// Seed starts the random choices: another seed, another history.
	Seed uint64
	// Pace is the number of working days that a longer task takes.
	Pace     int
	People   []person
	Projects []project
	// Words are known in all of the company's projects.
	Words words
	// Kinds are the kinds of projects, by name.
	Kinds map[string]kind
}

// person works at a company. The first one is an admin and opened the account.
type person struct {
	// Login is the part of the e-mail address before the @, and the person's
	// name in these files.
	Login string
	Name  string
	Team  string
	// Since is how many days ago the person got the account.
	Since int
	Admin bool
}

// project is one of a company's, with what its tasks are called.
type project struct {
	Name        string
	Description string
	Lead        string // a login
	Team        []string
	// Opened and Closed are days ago. Closed is negative for a project that is
	// to end so many days from now, and 0 for one without an end.
	Opened, Closed int
	Archived       bool
	// Tasks is the number of tasks, own titles and composed ones together.
	Tasks int
	// Own are titles that only this project has, in the order they come up.
	Own   []string
	Kind  string // the name of a kind, or empty
	Words words
}

// kind is what the projects of one kind have in common: the templates of task
// titles, by the time of a project at which they come up. Ongoing ones come up
// at any time.
type kind struct {
	Start, Build, Finish, Ongoing []string
}

// words are what stands in a template's {slots}, by the slot's name.
type words map[string][]string

// email is the person's address at an example domain (RFC 2606).
func (c company) email(p person) string { return p.Login + "@" + c.Subdomain + ".example" }

// members are the numbers of the people who work on a project, the lead first.
func (c company) members(p project) []int {
	var lead, rest []int
	for i, someone := range c.People {
		switch {
		case someone.Login == p.Lead:
			lead = append(lead, i)
		case p.wants(someone):
			rest = append(rest, i)
		}
	}
	return append(lead, rest...)
}

// planned is how many tasks the project will have had at its end.
func (p project) planned() int {
	if p.Closed >= 0 {
		return p.Tasks
	}
	return p.Tasks * (p.Opened - p.Closed) / p.Opened
}

// wants reports whether someone is on the project, by team or by login.
func (p project) wants(someone person) bool {
	return slices.Contains(p.Team, someone.Team) || slices.Contains(p.Team, someone.Login)
}

func (p person) role() models.Role {
	if p.Admin {
		return models.RoleAdmin
	}
	return models.RoleMember
}
