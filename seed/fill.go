package seed

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/models"
)

// batch is how many rows are written at once: few enough for the variables
// that a statement can bind, many enough to be fast.
const batch = 250

// isFilled reports whether the workspace has users or activities already.
func isFilled(tx *gorm.DB) (bool, error) {
	for _, model := range []any{&models.User{}, &models.Activity{}} {
		var found []int64
		if err := tx.Model(model).Limit(1).Pluck("id", &found).Error; err != nil {
			return false, fmt.Errorf("look for rows: %w", err)
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// store writes the workspace. The database gives the ids, in the order of the
// rows; wrote is called after each batch. tx must be a scope's, so that an
// error leaves nothing behind.
func (w *workspace) store(tx *gorm.DB, wrote func(rows int)) error {
	if err := insert(tx, "users", w.users, wrote); err != nil {
		return err
	}
	if err := insert(tx, "projects", w.projects, wrote); err != nil {
		return err
	}
	if err := insert(tx, "tasks", w.linkedTasks(), wrote); err != nil {
		return err
	}
	if err := insert(tx, "comments", w.linkedComments(), wrote); err != nil {
		return err
	}
	return insert(tx, "activity", w.linkedHistory(), wrote)
}

// linkedTasks are the tasks with the ids of their projects and assignees, which
// must be stored.
func (w *workspace) linkedTasks() []*models.Task {
	for _, task := range w.tasks {
		task.ProjectID = task.Project.ID
		task.AssigneeID = idOf(task.Assignee)
	}
	return w.tasks
}

// linkedHistory is the history with the ids of its actors and subjects, which
// must be stored.
func (w *workspace) linkedHistory() []*models.Activity {
	rows := make([]*models.Activity, len(w.history))
	for i, e := range w.history {
		e.ActorID, e.SubjectID = idOf(e.Actor), *e.subject
		rows[i] = e.Activity
	}
	return rows
}

// idOf is nil for nobody.
func idOf(user *models.User) *int64 {
	if user == nil {
		return nil
	}
	return &user.ID
}

func insert[T any](tx *gorm.DB, what string, rows []T, wrote func(rows int)) error {
	for some := range slices.Chunk(rows, batch) {
		if err := tx.Omit(clause.Associations).Create(some).Error; err != nil {
			return fmt.Errorf("write %s: %w", what, err)
		}
		wrote(len(some))
	}
	return nil
}
