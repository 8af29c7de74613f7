package seed

import (
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"tenantry/models"
)

func TestGenerateIsDeterministic(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		first := numbered(generate(c)).String()
		for range 3 {
			wantSame(t, "another run", numbered(generate(c)).String(), first)
		}
	})
}

// TestGoldenDigests fails on another machine or Go release that makes other
// rows, and on every change of the tables: then put the new digests here.
// Tenants that were seeded before keep what they have.
func TestGoldenDigests(t *testing.T) {
	t.Parallel()
	golden := map[string]string{"acme": "d3acec11c8ebae65", "globex": "e16672a7882c708c", "initech": "951298a0351215ee"}
	eachCompany(t, func(t *testing.T, c company) {
		if got := digest(numbered(generate(c)).String()); got != golden[c.Subdomain] {
			t.Errorf("digest is %s, want %s", got, golden[c.Subdomain])
		}
	})
}

func TestSizes(t *testing.T) {
	t.Parallel()
	want := map[string]struct{ users, projects, tasksFrom, tasksTo int }{
		"acme":    {6, 7, 150, 200},
		"globex":  {18, 9, 450, 600},
		"initech": {45, 14, 1950, 2100},
	}
	eachCompany(t, func(t *testing.T, c company) {
		w, want := generate(c), want[c.Subdomain]
		if len(w.users) != want.users || len(w.projects) != want.projects {
			t.Errorf("%d users, %d projects", len(w.users), len(w.projects))
		}
		if n := len(w.comments) * 100 / len(w.tasks); n < 15 || n > 45 {
			t.Errorf("%d comments on %d tasks", len(w.comments), len(w.tasks))
		}
		if n := len(w.tasks); n < want.tasksFrom || n > want.tasksTo {
			t.Errorf("%d tasks, want %d to %d", n, want.tasksFrom, want.tasksTo)
		}
		for _, p := range c.Projects {
			if n := len(tasksOf(w, p.Name)); n != p.Tasks {
				t.Errorf("%s has %d tasks, want %d", p.Name, n, p.Tasks)
			}
		}
	})
}

func tasksOf(w *workspace, project string) []*models.Task {
	var tasks []*models.Task
	for _, task := range w.tasks {
		if task.Project.Name == project {
			tasks = append(tasks, task)
		}
	}
	return tasks
}

// TestRowsFollowTheRules holds the rows against the rules of the API.
func TestRowsFollowTheRules(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		emails, names := map[string]bool{}, map[string]bool{}
		for _, u := range w.users {
			wantLine(t, u.Name, 200)
			address, err := mail.ParseAddress(u.Email)
			if err != nil || address.Address != u.Email || !isASCII(u.Email) || !strings.HasSuffix(u.Email, "@"+c.Subdomain+".example") {
				t.Errorf("e-mail address %q", u.Email)
			}
			if emails[strings.ToLower(u.Email)] {
				t.Errorf("%s is there twice", u.Email)
			}
			emails[strings.ToLower(u.Email)] = true
		}
		for _, p := range w.projects {
			wantLine(t, p.Name, 200)
			wantLine(t, p.Description, 10_000)
			if names[p.Name] {
				t.Errorf("project %q is there twice", p.Name)
			}
			names[p.Name] = true
		}
		for _, task := range w.tasks {
			wantLine(t, task.Title, 200)
		}
		for _, e := range w.history {
			wantLine(t, e.Summary, 500)
		}
	})
}

func wantLine(t *testing.T, text string, limit int) {
	t.Helper()
	switch {
	case strings.TrimSpace(text) != text, text == "", !utf8.ValidString(text), strings.Contains(text, "  "):
		t.Errorf("text %q", text)
	case utf8.RuneCountInString(text) > limit, strings.ContainsFunc(text, unicode.IsControl), strings.ContainsAny(text, "{}"):
		t.Errorf("text %q", text)
	}
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func TestAdmins(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		admins := 0
		for _, u := range generate(c).users {
			if u.Role == models.RoleAdmin {
				admins++
			}
		}
		if admins == 0 || admins*4 > len(c.People)+4 {
			t.Errorf("%d of %d are admins", admins, len(c.People))
		}
	})
}

// TestRowsReferToRows: whom tasks and history name is in the workspace, and was
// there at the time.
func TestRowsReferToRows(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		for _, task := range w.tasks {
			if !slices.Contains(w.projects, task.Project) || task.CreatedAt.Before(task.Project.CreatedAt) {
				t.Errorf("task %q is in project %q", task.Title, task.Project.Name)
			}
			if who := task.Assignee; who != nil && (!slices.Contains(w.users, who) || who.CreatedAt.After(task.CreatedAt)) {
				t.Errorf("task %q is %s's, who was not there", task.Title, who.Name)
			}
		}
		for _, e := range w.history {
			if who := e.Actor; who != nil && (!slices.Contains(w.users, who) || who.CreatedAt.After(e.CreatedAt)) {
				t.Errorf("%s %s, who was not there", who.Name, e.Summary)
			}
		}
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		from := w.users[0].CreatedAt
		check := func(what string, created, updated time.Time) {
			for _, at := range []time.Time{created, updated} {
				if at.Location() != time.UTC || at.Nanosecond() != 0 || at.Before(from) || !isPast(at) {
					t.Errorf("%s: time %s", what, at)
				}
				if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
					t.Errorf("%s: on a %s", what, at.Weekday())
				}
			}
			if updated.Before(created) {
				t.Errorf("%s: updated %s, created %s", what, updated, created)
			}
		}
		for _, u := range w.users {
			check(u.Name, u.CreatedAt, u.UpdatedAt)
		}
		for _, p := range w.projects {
			check(p.Name, p.CreatedAt, p.UpdatedAt)
		}
		for _, task := range w.tasks {
			check(task.Title, task.CreatedAt, task.UpdatedAt)
		}
		for _, r := range w.comments {
			check(r.Body, r.CreatedAt, r.CreatedAt)
			if !r.CreatedAt.After(r.task.CreatedAt) || r.Author.CreatedAt.After(r.CreatedAt) {
				t.Errorf("%s said %q on %q before it was there", r.Author.Name, r.Body, r.task.Title)
			}
		}
		for _, e := range w.history {
			check(e.Summary, e.CreatedAt, e.CreatedAt)
		}
	})
}

// TestOrder: ids are given in the order of the rows, so that lists by id are
// lists by time.
func TestOrder(t *testing.T) {
	t.Parallel()
	eachCompany(t, func(t *testing.T, c company) {
		w := generate(c)
		if !slices.IsSortedFunc(w.users, func(a, b *models.User) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Error("users are not in the order of their times")
		}
		if !slices.IsSortedFunc(w.tasks, func(a, b *models.Task) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Error("tasks are not in the order of their times")
		}
		if !slices.IsSortedFunc(w.comments, func(a, b remark) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Error("comments are not in the order of their times")
		}
		if !slices.IsSortedFunc(w.history, func(a, b event) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
			t.Error("the history is not in the order of its times")
		}
		for _, p := range c.Projects {
			for i, task := range tasksOf(w, p.Name) {
				if task.Position != int64(i+1)*positionStep {
					t.Errorf("task %d of %q is at position %d", i, p.Name, task.Position)
				}
			}
		}
	})
}
