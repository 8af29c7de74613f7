package seed

import (
	"fmt"
	"time"

	"tenantry/models"
)

// userCreated records that by gave user an account. The company's first account
// has no such record.
func (g *generator) userCreated(by, user *models.User) {
	if by == user {
		by = nil
	}
	g.tell(by, "user.created", &user.ID, user.CreatedAt, fmt.Sprintf("created user “%s”", user.Name))
}

func (g *generator) projectCreated(by *models.User, p *models.Project) {
	g.tell(by, "project.created", &p.ID, p.CreatedAt, fmt.Sprintf("created project “%s”", p.Name))
}

func (g *generator) projectArchived(by *models.User, p *models.Project) {
	g.tell(by, "project.updated", &p.ID, p.UpdatedAt, fmt.Sprintf("archived project “%s”", p.Name))
}

func (g *generator) taskCreated(by *models.User, t *models.Task) {
	g.tell(by, "task.created", &t.ID, t.CreatedAt, fmt.Sprintf("created task “%s”", t.Title))
}

func (g *generator) taskMoved(by *models.User, t *models.Task) {
	g.tell(by, "task.updated", &t.ID, t.UpdatedAt, fmt.Sprintf("moved task “%s” to %s", t.Title, t.Status))
}

// tell records who did what, in the words that the application uses.
func (g *generator) tell(by *models.User, action string, subject *int64, at time.Time, summary string) {
	row := &models.Activity{Actor: by, Action: action, Summary: summary, CreatedAt: at}
	g.out.history = append(g.out.history, event{row, subject})
}
