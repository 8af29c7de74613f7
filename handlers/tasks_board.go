package handlers

import (
	"cmp"
	"slices"

	"gorm.io/gorm"

	"tenantry/handlers/request"
	"tenantry/models"
)

// Board is a project with a page of each column of its board, by status.
type Board struct {
	Project models.Project
	// Counts are how many tasks of each status there are in all.
	Counts  map[models.Status]int64
	Columns map[models.Status]request.Found[BoardTask]
}

// BoardTask is a task as a card shows it: only that is read of it.
type BoardTask struct {
	ID, Position int64
	Title        string
	Status       models.Status
	DueOn        *models.Date
	AssigneeID   *int64
	AssigneeName *string
}

func boardKeys(t BoardTask) []int64 { return []int64{t.Position, t.ID} }

// boardStatuses are the columns of a board.
func boardStatuses() []models.Status {
	return []models.Status{models.StatusTodo, models.StatusDoing, models.StatusDone}
}

// FindBoard reads the board of a project in two queries, with at most limit
// tasks of each status: those at the beginning of a column, or after the Next of
// an earlier page, which after has by status. Of a project that isn't there it
// is gorm.ErrRecordNotFound.
func FindBoard(tx *gorm.DB, projectID int64, limit int, after map[models.Status]string) (Board, error) {
	board := Board{Counts: map[models.Status]int64{}, Columns: map[models.Status]request.Found[BoardTask]{}}
	if err := board.count(tx, projectID); err != nil {
		return board, err
	}
	parts, err := columnParts(tx, projectID, limit, after)
	if err != nil {
		return board, err
	}
	var found []BoardTask
	err = tx.Raw("SELECT * FROM (?) AS a UNION ALL SELECT * FROM (?) AS b UNION ALL SELECT * FROM (?) AS c", parts...).Scan(&found).Error
	for _, status := range boardStatuses() {
		board.Columns[status] = request.CutPage(inColumn(found, status), request.Page{List: taskList(projectID), Limit: limit}, boardKeys)
	}
	return board, err
}

// count reads the project, and how many tasks it has.
func (b *Board) count(tx *gorm.DB, projectID int64) error {
	var row struct {
		models.Project
		Todo, Doing, Done int64
	}
	const ofStatus = "(SELECT count(*) FROM tasks WHERE project_id = projects.id AND status = ?) AS "
	err := tx.Model(&models.Project{}).
		Select("projects.*, "+ofStatus+"todo, "+ofStatus+"doing, "+ofStatus+"done", models.StatusTodo, models.StatusDoing, models.StatusDone).
		Where("projects.id = ?", projectID).Take(&row).Error
	b.Project = row.Project
	b.Counts[models.StatusTodo], b.Counts[models.StatusDoing], b.Counts[models.StatusDone] = row.Todo, row.Doing, row.Done
	return err
}

// columnParts are the queries of the columns.
func columnParts(tx *gorm.DB, projectID int64, limit int, after map[models.Status]string) ([]any, error) {
	var bad request.Faults
	var parts []any
	for _, status := range boardStatuses() {
		p := request.Page{List: taskList(projectID), Order: request.Order{Columns: []string{"tasks.position", "tasks.id"}}, Limit: limit}
		if text := after[status]; text != "" {
			var ok bool
			if p.After, ok = p.ParseCursor(text); !ok {
				bad.Add(string(status), "must be the next of an earlier page of this column")
			}
		}
		rows := tx.Model(&models.Task{}).
			Select("tasks.id, tasks.position, tasks.title, tasks.status, tasks.due_on, tasks.assignee_id, users.name AS assignee_name").
			Joins("LEFT JOIN users ON users.id = tasks.assignee_id").
			Where("tasks.project_id = ? AND tasks.status = ?", projectID, status)
		parts = append(parts, p.Rows(rows))
	}
	return parts, bad.Err()
}

// inColumn are the tasks of the status in the order of the board.
func inColumn(tasks []BoardTask, status models.Status) []BoardTask {
	var column []BoardTask
	for _, task := range tasks {
		if task.Status == status {
			column = append(column, task)
		}
	}
	slices.SortFunc(column, func(a, b BoardTask) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID))
	})
	return column
}
