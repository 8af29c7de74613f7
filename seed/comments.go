package seed

import (
	"fmt"

	"tenantry/models"
)

// discuss has some of the team talk about a task, in the days after it was
// written down. It uses a random sequence of its own, so that the rest of a
// company's data doesn't change.
func (g *generator) discuss(task *models.Task, team []*models.User) {
	if !g.talk.chance(18) {
		return
	}
	thread := g.threads[g.talk.rand.IntN(len(g.threads))]
	at, speaker := task.CreatedAt, g.talk.rand.IntN(len(team))
	for i, text := range thread {
		at = g.talk.after(at, g.talk.skewed(4))
		if !isPast(at) || i > 0 && len(team) < 2 {
			return // there is no answer yet, or no member who could give one
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
