package handlers

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/auth"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/text"
)

const (
	// maxImport is how many tasks one import may bring.
	maxImport = 5000
	// importBatch rows of 8 columns are 4,000 bind variables a statement;
	// SQLite takes 32,766 and Postgres 65,535.
	importBatch = 500
)

// ImportTasks stores the tasks of a CSV file, all rows or none, as the last
// ones of the project whose id is in the path. The header names the columns: title, and
// where wanted status, due_on and assignee_email; an empty cell of these is
// one that is not given. Faults name the row, counted from 1 below the header
// and without empty lines, and the column.
func ImportTasks(c *gin.Context, tx *gorm.DB) error {
	data, err := request.ReadBody(c, "text/csv", func(mediaType string) bool { return mediaType == "text/csv" })
	if err != nil {
		return err
	}
	projectID := request.PathID(c)
	imported, err := AddTasks(tx, account.Current(c), projectID, data)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/projects/%d/tasks", projectID), gin.H{"imported": imported})
	return nil
}

// AddTasks stores the tasks of a CSV file in a project, as ImportTasks does, and
// returns how many there are.
func AddTasks(tx *gorm.DB, who *account.Identity, projectID int64, data []byte) (imported int, err error) {
	project, err := openProject(tx, projectID)
	if err != nil {
		return 0, err
	}
	tasks, err := parseTasks(tx, data)
	if err != nil {
		return 0, err
	}
	if err := appendTasks(tx, projectID, tasks); err != nil {
		return 0, err
	}
	return len(tasks), account.Record(tx, who, projectSubject(project), "tasks_imported",
		fmt.Sprintf("imported %s into project “%s”", text.Count(len(tasks), "task"), project.Name))
}

// PreviewTasks returns the tasks of a CSV file that AddTasks would store in a project,
// or all that is wrong with it.
func PreviewTasks(tx *gorm.DB, projectID int64, data []byte) ([]models.Task, error) {
	if _, err := openProject(tx, projectID); err != nil {
		return nil, err
	}
	return parseTasks(tx, data)
}

// appendTasks stores tasks behind those of the project.
func appendTasks(tx *gorm.DB, projectID int64, tasks []models.Task) error {
	position, err := nextPosition(tx, projectID)
	if err != nil {
		return err
	}
	for i := range tasks {
		tasks[i].ProjectID, tasks[i].Position = projectID, position
		position = positionAfter(position)
	}
	if err := tx.CreateInBatches(tasks, importBatch).Error; err != nil {
		return err
	}
	return planReminder(tx, tasks...)
}

// parseTasks makes tasks of a file, or returns all that is wrong with it.
func parseTasks(tx *gorm.DB, data []byte) ([]models.Task, error) {
	var bad request.Faults
	file := readSheet(data, &bad, maxImport, "title", "status", "due_on", "assignee_email")
	users, err := usersByEmail(tx, file.cells("assignee_email"))
	if err != nil {
		return nil, err
	}
	tasks := make([]models.Task, 0, len(file.rows))
	for _, row := range file.rows {
		tasks = append(tasks, parseTask(file.columns, row, users, &bad))
	}
	return tasks, bad.Err()
}

// parseTask makes a task of a row and faults what can't be one.
func parseTask(columns []string, row sheetRow, users map[string]int64, bad *request.Faults) models.Task {
	task := models.Task{Status: models.StatusTodo}
	for i, column := range columns {
		var fault string
		cell := row.cells[i]
		if column != "title" {
			cell = strings.TrimSpace(cell)
		}
		switch {
		case column == "title":
			task.Title, fault = cell, taskTitle(cell)
		case cell == "", column == "":
		case column == "status":
			task.Status, fault = parseStatus(cell)
		case column == "due_on":
			task.DueOn, fault = parseDay(cell)
		case column == "assignee_email":
			task.AssigneeID, fault = findAssignee(users, cell)
		}
		if fault != "" {
			row.fault(bad, column, fault)
		}
	}
	return task
}

func parseDay(text string) (day *models.Date, fault string) {
	date, err := models.ParseDate(text)
	if err != nil {
		return nil, request.NotADay
	}
	return &date, ""
}

func findAssignee(users map[string]int64, email string) (id *int64, fault string) {
	found, ok := users[emailKey(email)]
	if !ok {
		return nil, "must be the e-mail address of a user"
	}
	return &found, ""
}

// emailKey is equal for addresses that only one user can have. It is empty for
// what is no address: other letters than ASCII's can be lowered into them.
func emailKey(email string) string {
	if request.EmailAddress(email) != "" {
		return ""
	}
	return auth.FoldEmail(email)
}

// usersByEmail finds the ids of the users who have the addresses, by emailKey.
func usersByEmail(tx *gorm.DB, emails []string) (map[string]int64, error) {
	wanted := map[string]bool{}
	for _, email := range emails {
		if key := emailKey(email); key != "" {
			wanted[key] = true
		}
	}
	ids := map[string]int64{}
	if len(wanted) == 0 {
		return ids, nil
	}
	var found []models.User
	err := models.Kept(tx).Select("id", "email").Where("lower(email) IN ?", slices.Collect(maps.Keys(wanted))).Find(&found).Error
	for _, user := range found {
		ids[emailKey(user.Email)] = user.ID
	}
	return ids, err
}
