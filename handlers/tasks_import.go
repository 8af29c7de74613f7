package handlers

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/models"
)

const (
	// maxImport is how many tasks one import may bring.
	maxImport = 5000
	// importBatch rows of 8 columns are 4,000 bind variables a statement;
	// SQLite takes 32,766 and Postgres 65,535.
	importBatch = 500
)

// importColumns are the columns that a file may have, in any order.
var importColumns = []string{"title", "status", "due_on", "assignee_email"}

// ImportTasks stores the tasks of a CSV file, all rows or none, as the last of
// the project of the path. The first line names the columns: title, and where
// wanted status, due_on and assignee_email. An empty cell is one that is not
// given. Faults name the row, counted from 1 below the header and without
// empty lines, and the column.
func ImportTasks(c *gin.Context, tx *gorm.DB) error {
	project, err := openProject(c, tx)
	if err != nil {
		return err
	}
	data, err := readBody(c, "text/csv", func(mediaType string) bool { return mediaType == "text/csv" })
	if err != nil {
		return err
	}
	tasks, err := parseImport(tx, data)
	if err != nil {
		return err
	}
	position, err := lastPosition(tx, project.ID)
	if err != nil {
		return err
	}
	for i := range tasks {
		position = positionAfter(position)
		tasks[i].ProjectID, tasks[i].Position = project.ID, position
	}
	if err := tx.CreateInBatches(tasks, importBatch).Error; err != nil {
		return err
	}
	if err := recordImport(c, tx, project, len(tasks)); err != nil {
		return err
	}
	created(c, fmt.Sprintf("/api/projects/%d/tasks", project.ID), gin.H{"imported": len(tasks)})
	return nil
}

func recordImport(c *gin.Context, tx *gorm.DB, project models.Project, count int) error {
	tasks := "1 task"
	if count != 1 {
		tasks = fmt.Sprintf("%d tasks", count)
	}
	return recordSummary(c, tx, "project.tasks_imported", project.ID, fmt.Sprintf("imported %s into project “%s”", tasks, project.Name))
}

// parseImport makes tasks of a file, or returns all that is wrong with it.
func parseImport(tx *gorm.DB, data []byte) ([]models.Task, error) {
	var bad faults
	columns, rows := readRows(data, &bad)
	users, err := assignees(tx, columns, rows)
	if err != nil {
		return nil, err
	}
	tasks := make([]models.Task, 0, len(rows))
	for _, row := range rows {
		tasks = append(tasks, row.task(columns, users, &bad))
	}
	return tasks, bad.err()
}

// importRow is a row below the header.
type importRow struct {
	number int // counted from 1, without empty lines
	line   int // in the file, where the row begins
	cells  []string
}

// add faults the row, or one of its cells. The message names the line too,
// which is what editors and spreadsheets count.
func (r importRow) add(bad *faults, column, message string) {
	field := "row " + strconv.Itoa(r.number)
	if column != "" {
		field += ", column " + column
	}
	bad.add(field, fmt.Sprintf("%s (line %d)", message, r.line))
}

// readRows reads the header and, if that is right, all rows that can be read.
func readRows(data []byte, bad *faults) (columns []string, rows []importRow) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	reader.FieldsPerRecord = -1 // a row of another length is faulted like others
	columns, err := reader.Read()
	if err != nil {
		bad.add("header", "must name the columns: "+strings.Join(importColumns, ", "))
		return nil, nil
	}
	if checkHeader(columns, bad); len(*bad) > 0 {
		return nil, nil
	}
	for number := 1; ; number++ {
		cells, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if row := newRow(reader, number, cells, err, columns, bad); row.cells != nil {
			rows = append(rows, row)
		}
		if err != nil || number > maxImport {
			return columns, rows
		}
	}
	if len(rows) == 0 && len(*bad) == 0 {
		bad.add("row 1", "is missing: there is nothing below the header")
	}
	return columns, rows
}

// newRow is the row that reader has just read, without cells when it has a
// fault as a whole.
func newRow(reader *csv.Reader, number int, cells []string, err error, columns []string, bad *faults) importRow {
	row := importRow{number: number}
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		row.line = syntax.StartLine
		row.add(bad, "", "has a quote that is not closed, or not doubled inside quotes")
		return row
	}
	row.line, _ = reader.FieldPos(0)
	switch {
	case number > maxImport:
		row.add(bad, "", fmt.Sprintf("is one too many: at most %d rows are imported at once", maxImport))
	case len(cells) != len(columns):
		row.add(bad, "", fmt.Sprintf("has %d cells where the header has %d", len(cells), len(columns)))
	default:
		row.cells = cells
	}
	return row
}

// checkHeader faults columns that are unknown, doubled or missing.
func checkHeader(columns []string, bad *faults) {
	for i, column := range columns {
		switch {
		case !slices.Contains(importColumns, column):
			bad.add("header, column "+shorten(column), "is unknown; columns are separated by commas and called "+strings.Join(importColumns, ", "))
		case slices.Contains(columns[:i], column):
			bad.add("header, column "+column, "is there twice")
		}
	}
	if !slices.Contains(columns, "title") {
		bad.add("header, column title", "is required")
	}
}

// assignees are the ids of the users whom the rows name, by lower-case e-mail
// address.
func assignees(tx *gorm.DB, columns []string, rows []importRow) (map[string]int64, error) {
	column := slices.Index(columns, "assignee_email")
	if column < 0 {
		return nil, nil
	}
	wanted := map[string]int64{}
	for _, row := range rows {
		if email := row.cells[column]; email != "" && emailAddress(email) == "" {
			wanted[strings.ToLower(email)] = 0
		}
	}
	return wanted, findUsers(tx, wanted)
}

// task makes a task of a row and faults what can't be one.
func (r importRow) task(columns []string, users map[string]int64, bad *faults) models.Task {
	task := models.Task{Status: models.StatusTodo}
	for i, column := range columns {
		var fault string
		switch cell := r.cells[i]; {
		case column == "title":
			task.Title, fault = cell, taskTitle(cell)
		case cell == "":
		case column == "status":
			task.Status, fault = parseStatus(cell)
		case column == "due_on":
			task.DueOn, fault = parseDay(cell)
		case column == "assignee_email":
			task.AssigneeID, fault = findAssignee(users, cell)
		}
		if fault != "" {
			r.add(bad, column, fault)
		}
	}
	return task
}

func parseDay(text string) (*models.Date, string) {
	day, err := models.ParseDate(text)
	if err != nil {
		return nil, notADay
	}
	return &day, ""
}

func findAssignee(users map[string]int64, email string) (*int64, string) {
	id := users[strings.ToLower(email)]
	if id == 0 {
		return nil, "must be the e-mail address of a user"
	}
	return &id, ""
}
