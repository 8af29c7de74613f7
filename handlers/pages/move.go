package pages

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/models"
)

// moveTask moves a card: with to=up or to=down within its column, with to=STATUS
// on top of another, or, as it was dropped, with after=ID below that one.
func (s *Site) moveTask(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	values, err := destination(c, tx, task)
	if err != nil {
		return err
	}
	_, err = attempt(tx, func(tx *gorm.DB) (models.Task, error) {
		return handlers.ChangeTask(tx, account.Current(c), task.ID, request.NewInput(values))
	})
	f := newTaskForm(task.ProjectID)
	if status, ok := f.refuse(c, err); ok {
		const problem = "The task could not be put there: somebody changed the board meanwhile. This is how it is now."
		return s.showBoard(c, tx, status, task.ProjectID, boardPage{New: newTaskForm(task.ProjectID), Problem: problem})
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, fmt.Sprintf("%s#t%d", boardPath(task.ProjectID), task.ID))
}

// destination is where the form wants the task, as ChangeTask takes it.
func destination(c *gin.Context, tx *gorm.DB, task models.Task) (map[string]any, error) {
	posted, err := request.ReadForm(c, "to", "after")
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	switch to := posted.Get("to"); to {
	case "up", "down":
		before, moves, err := neighbour(tx, task, to)
		if moves {
			values["before"] = before
		}
		return values, err
	default:
		values["status"] = to
	}
	column := models.Task{ProjectID: task.ProjectID, Status: models.Status(posted.Get("to"))}
	if after := posted.Get("after"); after != "" {
		values["before"], err = belowOf(tx, column, after, task.ID)
		return values, err
	}
	values["before"], err = firstOf(tx, column.ProjectID, column.Status, task.ID)
	return values, err
}

// belowOf is the id of the task below another of a column, leaving out the one
// that moves; nil for none. Where the other isn't there, it is the other itself,
// which ChangeTask then refuses.
func belowOf(tx *gorm.DB, column models.Task, after string, but int64) (any, error) {
	id, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return after, nil
	}
	rows := tx.Where("project_id = ? AND status = ?", column.ProjectID, column.Status).Session(&gorm.Session{})
	var above models.Task
	switch err := rows.Take(&above, id).Error; {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return id, nil
	case err != nil:
		return nil, err
	}
	var below []int64
	err = rows.Model(&models.Task{}).Where("(position, id) > ? AND id <> ?", []int64{above.Position, above.ID}, but).
		Order("position, id").Limit(1).Pluck("id", &below).Error
	if len(below) == 0 {
		return nil, err
	}
	return below[0], err
}

// firstOf is the id of the first task of a column but for some, nil when there
// is none.
func firstOf(tx *gorm.DB, projectID int64, status models.Status, but ...int64) (any, error) {
	var ids []int64
	err := tx.Model(&models.Task{}).Where("project_id = ? AND status = ?", projectID, status).
		Order("position, id").Limit(1+len(but)).Pluck("id", &ids).Error
	for _, id := range ids {
		if !slices.Contains(but, id) {
			return id, err
		}
	}
	return nil, err
}

// neighbour is before which task the task goes when it moves up or down by one,
// and whether it moves at all.
func neighbour(tx *gorm.DB, task models.Task, to string) (before any, moves bool, err error) {
	column := tx.Model(&models.Task{}).Where("project_id = ? AND status = ?", task.ProjectID, task.Status)
	here := []int64{task.Position, task.ID}
	var ids []int64
	if to == "up" {
		err = column.Where("(position, id) < ?", here).Order("position DESC, id DESC").Limit(1).Pluck("id", &ids).Error
		if len(ids) == 0 {
			return nil, false, err
		}
		return ids[0], true, err
	}
	err = column.Where("(position, id) > ?", here).Order("position, id").Limit(2).Pluck("id", &ids).Error
	switch len(ids) {
	case 0:
		return nil, false, err
	case 1:
		return nil, true, err
	}
	return ids[1], true, err
}
