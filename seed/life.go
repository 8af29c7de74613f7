package seed

import (
	"slices"
	"time"

	"tenantry/models"
)

// live leads a task through its life up to the reference day: a member of
// the team writes it down, another has it, moves it to doing and to done.
func (g *generator) live(task *models.Task, p project, team []*models.User) {
	g.taskCreated(g.pick(team), task)
	wait, work := g.skewed(8*g.company.Pace), 1+g.skewed(6*g.company.Pace)
	if p.Closed > 0 {
		left := max(0, daysLeft(task.CreatedAt, p.Closed))
		wait, work = min(wait, left/2), min(work, left/2)
	}
	due := task.CreatedAt.AddDate(0, 0, 1+wait+g.skewed(2*work+g.company.Pace))
	if g.isDropped(task, p) {
		g.assign(task, team, 30)
		return
	}
	doing := g.after(task.CreatedAt, wait)
	done := g.after(doing, work)
	g.assign(task, team, 60)
	if isPast(doing) {
		g.assign(task, team, 100)
		g.move(task, team, models.StatusDoing, doing)
	}
	if isPast(done) {
		g.move(task, team, models.StatusDone, done)
	}
	g.setDue(task, due)
}

// isDropped reports whether a task is never begun: some in a project that runs,
// few in one that was brought to an end, none of those that make a project what
// it is.
func (g *generator) isDropped(task *models.Task, p project) bool {
	switch {
	case slices.Contains(p.Own, task.Title):
		return false
	case p.Closed > 0:
		return g.chance(3)
	}
	return g.chance(11)
}

// assign gives a task without an assignee to one of the team, in percent of
// 100 cases.
func (g *generator) assign(task *models.Task, team []*models.User, percent int) {
	if task.Assignee == nil && g.chance(percent) {
		task.Assignee = g.pick(team)
	}
}

// move puts a task in another column. Mostly its assignee does that.
func (g *generator) move(task *models.Task, team []*models.User, to models.Status, at time.Time) {
	by := task.Assignee
	if g.chance(15) {
		by = g.pick(team)
	}
	task.Status, task.UpdatedAt = to, at
	g.taskMoved(by, task)
}

// setDue gives half of the tasks a due date. Of what is open, little is
// overdue: most was given a new day.
func (g *generator) setDue(task *models.Task, due time.Time) {
	if g.chance(50) {
		return
	}
	open := task.Status != models.StatusDone
	if open && daysLeft(due, 0) > 2 && g.chance(80) {
		due = referenceDay().AddDate(0, 0, 1+g.rand.IntN(25))
	}
	task.DueOn = dueOn(due)
}

// pick chooses one of the team, the lead a little more often.
func (g *generator) pick(team []*models.User) *models.User {
	return team[max(0, g.rand.IntN(len(team)+1)-1)]
}
