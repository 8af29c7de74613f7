package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/files"
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
	found, err := FindTasks(tx, request.PathID(c), request.ReadQuery(c))
	return request.WriteList(c, found, err, viewTask)
}

// FindTasks finds the page of a project's tasks that the query asks for.
func FindTasks(tx *gorm.DB, projectID int64, q *request.Query) (request.Found[models.Task], error) {
	page := q.Page(taskList(projectID), taskOrder())
	rows := request.Filter(q, tx.Where("project_id = ?", projectID), "status", parseStatus)
	rows = request.Filter(q, rows, "assignee_id", parseAssignee)
	found, err := request.FindPage(rows, q, page, taskKeys)
	if err == nil && len(found.Rows) == 0 { // of a project without tasks, or of none
		err = tx.Take(&models.Project{}, projectID).Error
	}
	return found, err
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

// openProject reads and locks a project that gets new tasks. New tasks wait for each
// other, for their positions' sake.
func openProject(tx *gorm.DB, id int64) (models.Project, error) {
	project, err := request.Take[models.Project](models.Locked(tx), id)
	if err == nil && project.Archived {
		err = problem.Conflict("The project is archived and takes no new tasks.")
	}
	return project, err
}

// CreateTask stores a new task in the project whose id is in the path, as AddTask does.
func CreateTask(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	task, err := AddTask(tx, account.Current(c), request.PathID(c), in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/tasks/%d", task.ID), viewTask(task))
	return nil
}

// AddTask stores a new task in a project, as its last unless the input says otherwise.
func AddTask(tx *gorm.DB, who *account.Identity, projectID int64, in *request.Input) (models.Task, error) {
	project, err := openProject(tx, projectID)
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
	if err := planReminder(tx, task); err != nil {
		return task, err
	}
	if err := planAssigned(tx, who, task); err != nil {
		return task, err
	}
	return task, account.RecordCreated(tx, who, taskSubject(task))
}

// GetTask shows a task.
func GetTask(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	return request.WriteRow(c, task, err, viewTask)
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
	task, err := ChangeTask(tx, account.Current(c), request.PathID(c), in)
	return request.WriteRow(c, task, err, viewTask)
}

// ChangeTask changes what the input names of a task. Returns problem.ErrStale if the
// input names another version than the stored one.
func ChangeTask(tx *gorm.DB, who *account.Identity, id int64, in *request.Input) (models.Task, error) {
	task, err := takeToChange(tx, id, in)
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
	if slices.Contains(in.Changed, "due_on") {
		if err := planReminder(tx, task); err != nil {
			return task, err
		}
	}
	if isAssigned(in.Changed) {
		if err := planAssigned(tx, who, task); err != nil {
			return task, err
		}
	}
	var silent []string
	if len(without(in.Changed, "position")) > 0 {
		task.Version++
		silent = []string{"version"}
	}
	return task, account.Save(tx, who, in.Changed, &task, taskSubject(task), taskMove(task, in.Changed), silent...)
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
	_, err := RemoveTask(tx, account.Current(c), request.PathID(c))
	return request.WriteNoContent(c, err)
}

// RemoveTask removes a task and returns it.
func RemoveTask(tx *gorm.DB, who *account.Identity, id int64) (models.Task, error) {
	task, err := request.Take[models.Task](models.Locked(tx), id)
	if err != nil {
		return task, err
	}
	attached, err := filesOf(tx, tx.Model(&models.Task{}).Select("id").Where("id = ?", task.ID))
	if err != nil {
		return task, err
	}
	if err := tx.Delete(&task).Error; err != nil {
		return task, err
	}
	if err := files.Remove(tx, attached...); err != nil {
		return task, err
	}
	return task, account.RecordDeleted(tx, who, taskSubject(task))
}
