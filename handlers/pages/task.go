package pages

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
)

// taskPage is a task with its comments.
type taskPage struct {
	Task     models.Task
	Project  models.Project
	Form     *form
	Comment  *form
	Comments []commentView
	More     string // the address of more comments, empty for none
	Attached []attachmentView
	// Conflict are the fields of which another version is stored.
	Conflict []difference
	Stale    bool
	// Saved says that the details have just been stored.
	Saved bool
}

// commentView is a comment as the page shows it.
type commentView struct {
	ID     int64
	Author *person // nil when they were deleted
	Body   string
	// When is when it was written, for people, and Stamp for programs.
	When, Stamp string
	Mine        bool // may be deleted by who looks
}

// attachmentView is an attachment as the page shows it.
type attachmentView struct {
	ID     int64
	Name   string
	Size   int64
	Author *person // nil when they were deleted
	// When is when it was attached, for people, and Stamp for programs.
	When, Stamp string
	Mine        bool // may be deleted by who looks
}

// difference is a field's stored value, and the value in the form.
type difference struct{ Label, Stored, Yours string }

func taskPath(id int64) string { return fmt.Sprintf("/tasks/%d", id) }

// maxPeople bounds the people that a form offers.
const maxPeople = 500

// maxComments is the number of comments that a page shows.
const maxComments = 200

// taskForm is the form of a task's details.
func taskForm(tx *gorm.DB, id int64) (*form, error) {
	var users []models.User
	if err := tx.Select("id", "name").Order("name, id").Limit(maxPeople).Find(&users).Error; err != nil {
		return nil, err
	}
	people := []option{{Value: "", Label: "Nobody"}}
	for _, user := range users {
		people = append(people, option{Value: strconv.FormatInt(user.ID, 10), Label: user.Name})
	}
	f := newForm("task", taskPath(id), "Save",
		field{Name: "title", Label: "Title", Required: true, Autocomplete: "off"},
		field{Name: "status", Label: "Status", Kind: "select", Options: statuses()},
		field{Name: "assignee_id", Label: "Assignee", Kind: "select", Options: people, Clears: true, Number: true},
		field{Name: "due_on", Label: "Due date", Kind: "date", Clears: true},
		field{Name: "version", Kind: "hidden", Number: true},
	)
	f.Beside = "task-head"
	return f.renewing("task-details"), nil
}

// taskValues are a task's in the order of the form's fields.
func taskValues(t models.Task) []string {
	values := []string{t.Title, string(t.Status), "", "", strconv.FormatInt(t.Version, 10)}
	if t.AssigneeID != nil {
		values[2] = strconv.FormatInt(*t.AssigneeID, 10)
	}
	if t.DueOn != nil {
		values[3] = t.DueOn.String()
	}
	return values
}

func commentForm(taskID int64) *form {
	f := newForm("comment", taskPath(taskID)+"/comments", "Comment", field{Name: "body", Label: "Your comment", Kind: "textarea", Required: true})
	return f.renewing("comments")
}

// task shows a task.
func (s *Site) task(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	f, err := taskForm(tx, task.ID)
	if err != nil {
		return err
	}
	return s.showTask(c, tx, http.StatusOK, taskPage{
		Task: task, Form: f.values(taskValues(task)...), Comment: commentForm(task.ID), Saved: c.Query("done") == "saved",
	})
}

func (s *Site) showTask(c *gin.Context, tx *gorm.DB, status int, page taskPage) error {
	if err := tx.Take(&page.Project, page.Task.ProjectID).Error; err != nil {
		return err
	}
	q := request.ReadQuery(c)
	q.Limit = maxComments
	found, err := handlers.FindComments(tx, page.Task.ID, q)
	if err != nil {
		return err
	}
	days := s.calendarOf(c)
	for _, comment := range found.Rows {
		v := commentView{ID: comment.ID, Body: comment.Body, When: days.moment(comment.CreatedAt), Stamp: comment.CreatedAt.UTC().Format(time.RFC3339), Mine: handlers.MayRemove(account.Current(c), comment)}
		if comment.Author != nil {
			v.Author = personOf(*comment.Author)
		}
		page.Comments = append(page.Comments, v)
	}
	if found.Next != nil {
		page.More = taskPath(page.Task.ID) + "?after=" + *found.Next
	}
	if page.Attached, err = attachmentsOf(c, tx, page.Task.ID, days); err != nil {
		return err
	}
	s.templates.Show(c, status, "task", s.frameOf(c, page.Task.Title, "/", page))
	return nil
}

// updateTask stores the details. If they have been changed in the meantime, it
// shows both versions. The task stays in view, because a comment may be half
// written beside it.
func (s *Site) updateTask(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	f, err := taskForm(tx, task.ID)
	if err != nil {
		return err
	}
	in, err := f.read(c)
	if err != nil {
		return err
	}
	_, err = attempt(tx, func(tx *gorm.DB) (models.Task, error) {
		return handlers.ChangeTask(tx, account.Current(c), task.ID, in)
	})
	if status, ok := f.refuse(c, err); ok {
		page := taskPage{Task: task, Form: f, Comment: commentForm(task.ID), Stale: errors.Is(err, problem.ErrStale)}
		if page.Stale {
			page.Conflict = f.compare(taskValues(task))
		}
		return s.showTask(c, tx, status, page)
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, taskPath(task.ID)+"?done=saved")
}

// compare shows where the form differs from the stored details, in the order of its
// fields, and lets the form overwrite the stored version.
func (f *form) compare(stored []string) []difference {
	f.Problem, f.Submit = "", "Save mine over it"
	var all []difference
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Hidden() {
			field.Value = stored[i] // the version
		} else if field.Value != stored[i] {
			all = append(all, difference{field.Label, field.Say(stored[i]), field.Say(field.Value)})
		}
	}
	return all
}

// deleteTask removes a task.
func (s *Site) deleteTask(c *gin.Context, tx *gorm.DB) error {
	task, err := handlers.RemoveTask(tx, account.Current(c), request.PathID(c))
	if err != nil {
		return err
	}
	return look.SeeOther(c, boardPath(task.ProjectID))
}

// createComment adds a comment.
func (s *Site) createComment(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	f := commentForm(task.ID)
	in, err := f.read(c)
	if err != nil {
		return err
	}
	comment, err := attempt(tx, func(tx *gorm.DB) (models.Comment, error) {
		return handlers.AddComment(tx, account.Current(c), task.ID, in)
	})
	if status, ok := f.refuse(c, err); ok {
		details, err := taskForm(tx, task.ID)
		if err != nil {
			return err
		}
		return s.showTask(c, tx, status, taskPage{Task: task, Form: details.values(taskValues(task)...), Comment: f})
	}
	if err != nil {
		return err
	}
	return look.SeeOther(c, fmt.Sprintf("%s#c%d", taskPath(task.ID), comment.ID))
}

// deleteComment removes a comment.
func (s *Site) deleteComment(c *gin.Context, tx *gorm.DB) error {
	comment, err := handlers.RemoveComment(tx, account.Current(c), request.PathID(c))
	if err != nil {
		return err
	}
	return look.SeeOther(c, taskPath(comment.TaskID)+"#comments")
}
