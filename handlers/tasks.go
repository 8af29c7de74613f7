package handlers

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

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
}

func viewTask(t models.Task) taskJSON {
	return taskJSON{
		ID: t.ID, ProjectID: t.ProjectID, Title: t.Title, Status: t.Status,
		AssigneeID: t.AssigneeID, DueOn: t.DueOn, Position: t.Position,
	}
}

func taskKeys(t models.Task) []int64 { return []int64{t.Position, t.ID} }

func taskSubject(t models.Task) subject { return subject{"task", t.ID, t.Title} }

var (
	taskTitle  = line(200)
	taskStatus = oneOf(models.StatusTodo, models.StatusDoing, models.StatusDone)
)

// fillTask takes a task's members out of the body. The assignee must be a user.
func fillTask(tx *gorm.DB, in *object, t *models.Task) error {
	member(in, "title", &t.Title, taskTitle)
	member(in, "status", &t.Status, taskStatus)
	nullable(in, "assignee_id", &t.AssigneeID, nil)
	nullable(in, "due_on", &t.DueOn, nil)
	member(in, "position", &t.Position, nil)
	if t.AssigneeID == nil || !slices.Contains(in.changed, "assignee_id") {
		return nil
	}
	err := kept(tx).Take(&models.User{}, *t.AssigneeID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		in.add("assignee_id", "must be the id of a user")
		return nil
	}
	return err
}

// ListTasks lists a project's tasks by position; ?status= and ?assignee_id=
// narrow it.
func ListTasks(c *gin.Context, tx *gorm.DB) error {
	projectID, err := pathID(c)
	if err != nil {
		return err
	}
	var bad faults
	page := readPage(c, &bad, "tasks/"+strconv.FormatInt(projectID, 10), order{columns: []string{"position", "id"}})
	rows := filter(c, &bad, tx.Where("project_id = ?", projectID), "status", parseStatus)
	rows = filter(c, &bad, rows, "assignee_id", parseAssignee)
	if err := bad.err(); err != nil {
		return err
	}
	var found []models.Task
	if err := page.rows(rows).Find(&found).Error; err != nil {
		return err
	}
	if len(found) == 0 { // of a project without tasks, or of none
		if err := tx.Take(&models.Project{}, projectID).Error; err != nil {
			return err
		}
	}
	writePage(c, page, found, viewTask, taskKeys)
	return nil
}

func parseStatus(text string) (status models.Status, fault string) {
	status = models.Status(text)
	return status, taskStatus(status)
}

func parseAssignee(text string) (id int64, fault string) {
	id, ok := parseID(text)
	if !ok {
		return 0, "must be the id of a user"
	}
	return id, ""
}

// openProject reads the project of the path for a change of its tasks'
// number. New tasks wait for each other, for their positions' sake.
func openProject(c *gin.Context, tx *gorm.DB) (models.Project, error) {
	project, err := take[models.Project](c, locked(tx))
	if err == nil && project.Archived {
		err = conflict("The project is archived and takes no new tasks.")
	}
	return project, err
}

// CreateTask stores a new task in the project of the path, as its last unless
// the body says otherwise.
func CreateTask(c *gin.Context, tx *gorm.DB) error {
	project, err := openProject(c, tx)
	if err != nil {
		return err
	}
	in, err := readObject(c)
	if err != nil {
		return err
	}
	task := models.Task{ProjectID: project.ID, Status: models.StatusTodo}
	placed := in.has("position")
	in.require("title")
	if err := fillTask(tx, in, &task); err != nil {
		return err
	}
	if err := in.done(); err != nil {
		return err
	}
	if !placed {
		if task.Position, err = nextPosition(tx, project.ID); err != nil {
			return err
		}
	}
	if err := tx.Create(&task).Error; err != nil {
		return err
	}
	if err := recordCreated(c, tx, taskSubject(task)); err != nil {
		return err
	}
	created(c, fmt.Sprintf("/api/tasks/%d", task.ID), viewTask(task))
	return nil
}

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

// GetTask shows a task.
func GetTask(c *gin.Context, tx *gorm.DB) error {
	task, err := take[models.Task](c, tx)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewTask(task))
	return nil
}

// taskMove is what a change of the status alone is called.
func taskMove(t models.Task, changed []string) string {
	if !slices.Equal(changed, []string{"status"}) {
		return ""
	}
	return fmt.Sprintf("moved task “%s” to %s", t.Title, t.Status)
}

// UpdateTask changes the members of a task that the body names. Null clears
// assignee_id and due_on.
func UpdateTask(c *gin.Context, tx *gorm.DB) error {
	task, err := take[models.Task](c, locked(tx))
	if err != nil {
		return err
	}
	in, err := readObject(c)
	if err != nil {
		return err
	}
	if err := fillTask(tx, in, &task); err != nil {
		return err
	}
	if err := in.done(); err != nil {
		return err
	}
	if err := save(c, tx, in.changed, &task, taskSubject(task), taskMove(task, in.changed)); err != nil {
		return err
	}
	c.JSON(http.StatusOK, viewTask(task))
	return nil
}

// DeleteTask removes a task.
func DeleteTask(c *gin.Context, tx *gorm.DB) error {
	task, err := take[models.Task](c, locked(tx))
	if err != nil {
		return err
	}
	if err := tx.Delete(&task).Error; err != nil {
		return err
	}
	if err := recordDeleted(c, tx, taskSubject(task)); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
