package seed

import (
	"fmt"

	"tenantry/models"
)

// threads are what people say about tasks, and what others answer.
func threads() [][]string {
	return [][]string{
		{"Can somebody look at this before I go on?", "Looks right to me. Go on."},
		{"I need a day more for this.", "Fine, nobody waits for it."},
		{"Who knows how we did this last time?", "I do. Ask me after lunch."},
		{"Half of it is done, the rest on Thursday."},
		{"This was harder than it looked. I wrote down why, for the next time."},
		{"Called twice, nobody there.", "Try in the morning, they start at seven."},
		{"Done, apart from one thing that I have to ask about first."},
		{"Do we still need this?", "Yes. They asked for it again last week.", "All right, then it goes first."},
		{"Can this wait until next week?", "Until Wednesday, not longer."},
		{"There are two ways to do this:\n\n1. quickly, and again next year\n2. properly, which takes two days more\n\nI'd go for the second.", "So would I."},
		{"Moved the date, everybody knows."},
		{"I can't do this before the other one is finished.", "It will be by Friday."},
		{"The first try didn't work out. I start again from the drawing."},
		{"Thanks for taking this over!", "Gladly."},
		{"It costs less than we thought."},
		{"Please don't close this before I have seen it.", "Have a look, it's on your desk."},
	}
}

// discuss has some of the team talk about a task, in the days after it was
// written down. It chooses by a course of its own, so that what else a company
// did stays as it is.
func (g *generator) discuss(task *models.Task, team []*models.User) {
	if !g.talk.chance(18) {
		return
	}
	all := threads()
	thread := all[g.talk.rand.IntN(len(all))]
	at, speaker := task.CreatedAt, g.talk.rand.IntN(len(team))
	for i, text := range thread {
		at = g.talk.after(at, g.talk.skewed(4))
		if !isPast(at) || i > 0 && len(team) < 2 {
			return // nobody has answered yet, or nobody could
		}
		author := team[(speaker+i)%len(team)]
		g.out.comments = append(g.out.comments, remark{&models.Comment{Author: author, Body: text, CreatedAt: at}, task})
		g.tell(author, "task.commented", &task.ID, at, fmt.Sprintf("commented on task “%s”", task.Title))
	}
}

// linkedComments are the comments with the ids of their tasks and authors,
// which must be stored.
func (w *workspace) linkedComments() []*models.Comment {
	rows := make([]*models.Comment, len(w.comments))
	for i, r := range w.comments {
		r.TaskID, r.AuthorID = r.task.ID, idOf(r.Author)
		rows[i] = r.Comment
	}
	return rows
}
