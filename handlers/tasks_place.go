package handlers

import (
	"errors"
	"math"

	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/models"
)

// positionStep leaves room to move tasks between two others.
const positionStep = 1024

// nextPosition is the position of a new last task in the project.
func nextPosition(tx *gorm.DB, projectID int64) (int64, error) {
	var last []int64
	err := tx.Model(&models.Task{}).Where("project_id = ?", projectID).Order("position DESC").Limit(1).Pluck("position", &last).Error
	if err != nil || len(last) == 0 {
		return positionStep, err
	}
	return positionAfter(last[0]), nil
}

// positionAfter is the position of the task that follows. At the end of all
// numbers tasks share one, and their ids put them in order.
func positionAfter(position int64) int64 {
	if position > math.MaxInt64-positionStep {
		return math.MaxInt64
	}
	return position + positionStep
}

// takeToChange reads a task and locks it. If it gets another place, its project is
// locked first, as AddTask does: the positions of other tasks may change with it.
func takeToChange(tx *gorm.DB, id int64, in *request.Input) (models.Task, error) {
	if in.Has("before") {
		task, err := request.Take[models.Task](tx, id)
		if err != nil {
			return task, err
		}
		if err := models.Locked(tx).Take(&models.Project{}, task.ProjectID).Error; err != nil {
			return task, err
		}
	}
	return request.Take[models.Task](models.Locked(tx), id)
}

// fillPlace takes "before" out of the input: the id of the task of the same
// project and status before which the task is put, or null to put it behind
// all of them. The project is locked.
func fillPlace(tx *gorm.DB, in *request.Input, t *models.Task) error {
	if !in.Has("before") {
		return nil
	}
	var before *int64
	request.Nullable(in, "before", &before, nil)
	if len(in.Faults) > 0 {
		return nil // the status may be among them
	}
	in.Changed = without(in.Changed, "before")
	position, err := place(tx, t, before)
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		in.Add("before", "must be the id of a task of this project and status")
		return nil
	case err != nil:
		return err
	}
	if position != t.Position {
		t.Position = position
		in.Changed = append(in.Changed, "position")
	}
	return nil
}

// place is the position of the task before another of its column, or behind
// all when before is nil. Where there is no room it makes some.
func place(tx *gorm.DB, t *models.Task, before *int64) (int64, error) {
	position, ok, err := roomFor(tx, t, before)
	if ok || err != nil {
		return position, err
	}
	if err := renumber(tx, t); err != nil {
		return 0, err
	}
	position, ok, err = roomFor(tx, t, before)
	if err == nil && !ok {
		err = errors.New("place task: no room after renumbering")
	}
	return position, err
}

// roomFor is like place; it is false where there is no room.
func roomFor(tx *gorm.DB, t *models.Task, before *int64) (position int64, ok bool, err error) {
	column := tx.Where("project_id = ? AND status = ? AND id <> ?", t.ProjectID, t.Status, t.ID).Session(&gorm.Session{})
	next, above := models.Task{Position: math.MaxInt64}, column
	if before != nil {
		if err := column.Take(&next, *before).Error; err != nil {
			return 0, false, err
		}
		above = column.Where("(position, id) < ?", taskKeys(next))
	}
	var last []models.Task
	if err := above.Order("position DESC, id DESC").Limit(1).Find(&last).Error; err != nil {
		return 0, false, err
	}
	switch {
	case before == nil && len(last) == 0:
		return positionStep, true, nil
	case before == nil:
		return last[0].Position + positionStep, last[0].Position <= math.MaxInt64-positionStep, nil
	case len(last) == 0:
		return next.Position - positionStep, next.Position >= math.MinInt64+positionStep, nil
	}
	position = middle(last[0].Position, next.Position)
	return position, last[0].Position < position && position < next.Position, nil
}

// middle is half way from a to b, rounded down, whatever numbers they are.
func middle(a, b int64) int64 { return a&b + (a^b)>>1 }

// renumberSQL gives a project's tasks positions with room between them.
const renumberSQL = `UPDATE tasks SET position = numbered.place * ? FROM (
	SELECT id, row_number() OVER (ORDER BY position, id) AS place FROM tasks WHERE project_id = ?
) AS numbered WHERE tasks.id = numbered.id`

// renumber moves all tasks of t's project, t among them, and keeps their order.
func renumber(tx *gorm.DB, t *models.Task) error {
	if err := tx.Exec(renumberSQL, positionStep, t.ProjectID).Error; err != nil {
		return err
	}
	return tx.Model(&models.Task{}).Where("id = ?", t.ID).Pluck("position", &t.Position).Error
}
