package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
)

// taskJSON is how a task is shown.
type taskJSON struct {
	ID         int64         `json:"id"`
	ProjectID  int64         `json:"project_id"`
	Title      string        `json:"title"`
	Status     models.Status `json:"status"`
	AssigneeID *int64        `json:"assignee_id"`
	DueOn      *models.Date  `json:"due_on"`
	Position   int64         `json:"position"`
	Version    int64         `json:"version"`
}

func viewTask(t models.Task) taskJSON {
	return taskJSON{
		ID: t.ID, ProjectID: t.ProjectID, Title: t.Title, Status: t.Status,
		AssigneeID: t.AssigneeID, DueOn: t.DueOn, Position: t.Position, Version: t.Version,
	}
}

func taskKeys(t models.Task) []int64 { return []int64{t.Position, t.ID} }

func taskSubject(t models.Task) account.Subject {
	return account.Subject{Kind: "task", ID: t.ID, Name: t.Title}
}

var (
	taskTitle  = request.Line(200)
	taskStatus = request.OneOf(models.StatusTodo, models.StatusDoing, models.StatusDone)
)

// fillTask takes a task's members out of the input. The assignee must be a user.
func fillTask(tx *gorm.DB, in *request.Input, t *models.Task) error {
	request.Member(in, "title", &t.Title, taskTitle)
	request.Member(in, "status", &t.Status, taskStatus)
	request.Nullable(in, "assignee_id", &t.AssigneeID, nil)
	request.Nullable(in, "due_on", &t.DueOn, nil)
	request.Member(in, "position", &t.Position, nil)
	if err := fillPlace(tx, in, t); err != nil {
		return err
	}
	if t.AssigneeID == nil || !slices.Contains(in.Changed, "assignee_id") {
		return nil
	}
	err := models.Kept(tx).Take(&models.User{}, *t.AssigneeID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		in.Add("assignee_id", "must be the id of a user")
		return nil
	}
	return err
}

// taskList names the list of a project's tasks.
func taskList(projectID int64) string { return "tasks/" + strconv.FormatInt(projectID, 10) }

// taskOrder is the order of a project's tasks, and of each column of its board.
func taskOrder() request.Order { return request.Order{Columns: []string{"position", "id"}} }

// ListTasks lists a project's tasks by position; ?status= and ?assignee_id=
// narrow it.
func ListTasks(c *gin.Context, tx *gorm.DB) error {
	projectID, err := request.PathID(c)
	if err != nil {
		return err
	}
	var bad request.Faults
	page := request.ReadPage(c, &bad, taskList(projectID), taskOrder())
	rows := request.Filter(c, &bad, tx.Where("project_id = ?", projectID), "status", parseStatus)
	rows = request.Filter(c, &bad, rows, "assignee_id", parseAssignee)
	if err := bad.Err(); err != nil {
		return err
	}
	found, err := request.FindPage(rows, page, taskKeys)
	if err == nil && len(found.Rows) == 0 { // of a project without tasks, or of none
		err = tx.Take(&models.Project{}, projectID).Error
	}
	return request.WriteList(c, found, err, viewTask)
}

func parseStatus(text string) (status models.Status, fault string) {
	status = models.Status(text)
	return status, taskStatus(status)
}

func parseAssignee(text string) (id int64, fault string) {
	id, ok := request.ParseID(text)
	if !ok {
		return 0, "must be the id of a user"
	}
	return id, ""
}

// openProject reads the project of the path for a change of its tasks'
// number. New tasks wait for each other, for their positions' sake.
func openProject(c *gin.Context, tx *gorm.DB) (models.Project, error) {
	project, err := request.TakeRow[models.Project](c, models.Locked(tx))
	if err == nil && project.Archived {
		err = problem.Conflict("The project is archived and takes no new tasks.")
	}
	return project, err
}

// CreateTask stores a new task in the project of the path, as its last unless
// the body says otherwise.
func CreateTask(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	task, err := AddTask(c, tx, in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/tasks/%d", task.ID), viewTask(task))
	return nil
}

// AddTask stores a new task in the project of the path, as its last unless the
// input says otherwise.
func AddTask(c *gin.Context, tx *gorm.DB, in *request.Input) (models.Task, error) {
	project, err := openProject(c, tx)
	if err != nil {
		return models.Task{}, err
	}
	task := models.Task{ProjectID: project.ID, Status: models.StatusTodo}
	placed := in.Has("position") || in.Has("before")
	in.Require("title")
	if err := fillTask(tx, in, &task); err != nil {
		return task, err
	}
	if err := in.Done(); err != nil {
		return task, err
	}
	if !placed {
		if task.Position, err = nextPosition(tx, project.ID); err != nil {
			return task, err
		}
	}
	if err := tx.Create(&task).Error; err != nil {
		return task, err
	}
	return task, account.RecordCreated(c, tx, taskSubject(task))
}

// TakeTask is the task of the path, or gorm.ErrRecordNotFound.
func TakeTask(c *gin.Context, tx *gorm.DB) (models.Task, error) {
	return request.TakeRow[models.Task](c, tx)
}

// GetTask shows a task.
func GetTask(c *gin.Context, tx *gorm.DB) error {
	task, err := TakeTask(c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewTask(task))
	return nil
}

// taskMove is what a change of the status alone, or with the place, is called.
func taskMove(t models.Task, changed []string) string {
	if len(changed) == 0 || changed[0] != "status" || len(without(changed, "position")) != 1 {
		return ""
	}
	return fmt.Sprintf("moved task “%s” to %s", t.Title, t.Status)
}

// without are the changes but for one.
func without(changed []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(changed), func(other string) bool { return other == name })
}

// UpdateTask changes the members of a task that the body names. Null clears
// assignee_id and due_on.
func UpdateTask(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	task, err := ChangeTask(c, tx, in)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewTask(task))
	return nil
}

// ChangeTask changes what the input names of the task of the path. Where the
// input names a version that is not the stored one, it is ErrStale.
func ChangeTask(c *gin.Context, tx *gorm.DB, in *request.Input) (models.Task, error) {
	task, err := takeToChange(c, tx, in)
	if err != nil {
		return task, err
	}
	if err := expectVersion(in, task); err != nil {
		return task, err
	}
	if err := fillTask(tx, in, &task); err != nil {
		return task, err
	}
	if err := in.Done(); err != nil {
		return task, err
	}
	var silent []string
	if len(without(in.Changed, "position")) > 0 {
		task.Version++
		silent = []string{"version"}
	}
	return task, account.Save(c, tx, in.Changed, &task, taskSubject(task), taskMove(task, in.Changed), silent...)
}

// expectVersion refuses an input that was written upon another version.
func expectVersion(in *request.Input, task models.Task) error {
	if !in.Has("version") {
		return nil
	}
	version := task.Version
	request.Member(in, "version", &version, nil)
	if version != task.Version {
		return problem.ErrStale
	}
	return nil
}

// DeleteTask removes a task.
func DeleteTask(c *gin.Context, tx *gorm.DB) error {
	return request.WriteNoContent(c, RemoveTask(c, tx))
}

// RemoveTask removes the task of the path.
func RemoveTask(c *gin.Context, tx *gorm.DB) error {
	task, err := request.TakeRow[models.Task](c, models.Locked(tx))
	if err != nil {
		return err
	}
	if err := tx.Delete(&task).Error; err != nil {
		return err
	}
	return account.RecordDeleted(c, tx, taskSubject(task))
}
