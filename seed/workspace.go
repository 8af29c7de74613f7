package seed

import (
	"math/rand/v2"
	"slices"
	"time"

	"tenantry/models"
)

// workspace is the content of a company's database. The rows have no ids yet
// and refer to each other by pointers: Task.Project, Task.Assignee and
// Activity.Actor. They are in the order in which they came into being.
type workspace struct {
	users    []*models.User
	projects []*models.Project
	tasks    []*models.Task
	comments []remark
	history  []event
}

// remark is a comment on a task.
type remark struct {
	*models.Comment
	task *models.Task
}

// event is a row of activity. Its subject is the id of another row, known
// when that row is stored.
type event struct {
	*models.Activity
	subject *int64
}

// size is the number of rows.
func (w *workspace) size() int {
	return len(w.users) + len(w.projects) + len(w.tasks) + len(w.comments) + len(w.history)
}

// positionStep leaves room between tasks, as the application does.
const positionStep = 1024

// generator makes up a workspace.
type generator struct {
	calendar
	talk    calendar // for comments alone
	threads [][]string
	company company
	out     *workspace
}

// generate makes up the company's workspace: the same one on every call.
func generate(c company) *workspace {
	course := func(number uint64) calendar { return calendar{rand.New(rand.NewPCG(c.Seed, number))} }
	g := &generator{course(c.Seed), course(1), threads(), c, &workspace{}}
	g.hire()
	for _, p := range c.Projects {
		g.plan(p)
	}
	byTime(g.out.users, func(u *models.User) time.Time { return u.CreatedAt })
	byTime(g.out.projects, func(p *models.Project) time.Time { return p.CreatedAt })
	byTime(g.out.tasks, func(t *models.Task) time.Time { return t.CreatedAt })
	byTime(g.out.comments, func(r remark) time.Time { return r.CreatedAt })
	byTime(g.out.history, func(e event) time.Time { return e.CreatedAt })
	return g.out
}

func byTime[T any](rows []T, at func(T) time.Time) {
	slices.SortStableFunc(rows, func(a, b T) int { return at(a).Compare(at(b)) })
}

// hire gives everybody an account. The first one opened the company's and
// invited the others.
func (g *generator) hire() {
	var opened time.Time
	for i, someone := range g.company.People {
		at := g.daysAgo(someone.Since, opened)
		user := &models.User{
			Email: g.company.email(someone), Name: someone.Name, Role: someone.role(),
			CreatedAt: at, UpdatedAt: at,
		}
		g.out.users = append(g.out.users, user)
		if i == 0 {
			opened = at
		}
		g.userCreated(g.out.users[0], user)
	}
}

// plan makes a project with its tasks. Where it is archived, its lead did so
// when the last task was through.
func (g *generator) plan(p project) {
	team := g.team(p)
	lead := team[0]
	at := g.daysAgo(p.Opened, lead.CreatedAt)
	row := &models.Project{Name: p.Name, Description: p.Description, CreatedAt: at, UpdatedAt: at}
	g.out.projects = append(g.out.projects, row)
	g.projectCreated(lead, row)

	names := titles(g.rand, g.company.Words, g.company.Kinds[p.Kind], p)
	last := g.daysAgo(p.Closed, at)
	for i, at := range g.arrivals(p, at, len(names)) {
		task := &models.Task{
			Project: row, Title: names[i], Status: models.StatusTodo, Position: positionStep * int64(i+1),
			CreatedAt: at, UpdatedAt: at,
		}
		g.out.tasks = append(g.out.tasks, task)
		g.live(task, p, present(team, at))
		g.discuss(task, present(team, at))
		last = latest(last, task.UpdatedAt)
	}
	if p.Archived {
		row.Archived, row.UpdatedAt = true, g.after(last, 1)
		g.projectArchived(lead, row)
	}
}

// team is who works on a project, the lead first.
func (g *generator) team(p project) []*models.User {
	var team []*models.User
	for _, number := range g.company.members(p) {
		team = append(team, g.out.users[number])
	}
	return team
}

// present are those of a team who had an account at that time.
func present(team []*models.User, at time.Time) []*models.User {
	var there []*models.User
	for _, user := range team {
		if user.CreatedAt.Before(at) {
			there = append(there, user)
		}
	}
	return there
}

// arrivals are the moments at which a project's n tasks were written down: a
// sixth of them in its first days, the others until shortly before its end.
func (g *generator) arrivals(p project, opened time.Time, n int) []time.Time {
	span := p.Opened
	if p.Closed > 0 {
		span = (p.Opened - p.Closed) * 9 / 10
	}
	moments := make([]time.Time, n)
	for i := range moments {
		days := g.rand.IntN(span)
		if i < n/6 {
			days = g.rand.IntN(min(span, 5))
		}
		moments[i] = g.after(opened, days)
		if !isPast(moments[i]) {
			moments[i] = g.daysAgo(g.rand.IntN(5), opened)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return moments
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
