package handlers

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/account"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/text"
)

// commentJSON is how a comment is shown. The author is null when they were
// deleted.
type commentJSON struct {
	ID         int64     `json:"id"`
	TaskID     int64     `json:"task_id"`
	AuthorID   *int64    `json:"author_id"`
	AuthorName *string   `json:"author_name"`
	Body       string    `json:"body"`
	CreatedAt  time.Time `json:"created_at"`
}

func viewComment(m models.Comment) commentJSON {
	v := commentJSON{ID: m.ID, TaskID: m.TaskID, AuthorID: m.AuthorID, Body: m.Body, CreatedAt: m.CreatedAt.UTC()}
	if m.Author != nil {
		v.AuthorName = &m.Author.Name
	}
	return v
}

func commentKeys(m models.Comment) []int64 { return []int64{m.ID} }

// ListComments lists a task's comments, the oldest first.
func ListComments(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	found, err := FindComments(tx, task.ID, request.ReadQuery(c))
	return request.WriteList(c, found, err, viewComment)
}

// FindComments finds the page of a task's comments that the query asks for,
// with their authors.
func FindComments(tx *gorm.DB, taskID int64, q *request.Query) (request.Found[models.Comment], error) {
	page := q.Page("comments/"+strconv.FormatInt(taskID, 10), request.Order{Columns: []string{"comments.id"}})
	return request.FindPage(tx.Joins("Author").Where("task_id = ?", taskID), q, page, commentKeys)
}

// CreateComment adds a comment of the current user to a task.
func CreateComment(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	comment, err := AddComment(tx, account.Current(c), request.PathID(c), in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/tasks/%d/comments", comment.TaskID), viewComment(comment))
	return nil
}

// AddComment adds a comment of the user to a task.
func AddComment(tx *gorm.DB, who *account.Identity, taskID int64, in *request.Input) (models.Comment, error) {
	task, err := request.Take[models.Task](models.Kept(tx), taskID)
	if err != nil {
		return models.Comment{}, err
	}
	comment := models.Comment{TaskID: task.ID, AuthorID: &who.UserID}
	in.Require("body")
	request.Member(in, "body", &comment.Body, commentBody)
	if err := in.Done(); err != nil {
		return comment, err
	}
	if err := tx.Create(&comment).Error; err != nil {
		return comment, err
	}
	comment.Author = &models.User{ID: who.UserID, Name: who.Name}
	return comment, account.Record(tx, who, taskSubject(task), "commented", fmt.Sprintf("commented on task “%s”", task.Title))
}

// commentBody is text that says something.
func commentBody(s string) string {
	if text.Blank(s) {
		return text.IsBlank
	}
	return request.Prose(10_000)(s)
}

// DeleteComment removes a comment, as RemoveComment does.
func DeleteComment(c *gin.Context, tx *gorm.DB) error {
	_, err := RemoveComment(tx, account.Current(c), request.PathID(c))
	return request.WriteNoContent(c, err)
}

// RemoveComment removes a comment and returns it. Users may remove their own comments,
// and admins all.
func RemoveComment(tx *gorm.DB, who *account.Identity, id int64) (models.Comment, error) {
	comment, err := request.Take[models.Comment](models.Locked(tx), id)
	if err != nil {
		return comment, err
	}
	if !MayRemove(who, comment) {
		return comment, problem.New(problem.ErrForbidden, "Only its author and admins may delete a comment.")
	}
	task := models.Task{ID: comment.TaskID}
	if err := tx.Take(&task).Error; err != nil { // it is there as long as the comment is
		return comment, err
	}
	if err := tx.Delete(&comment).Error; err != nil {
		return comment, err
	}
	return comment, account.Record(tx, who, taskSubject(task), "comment_deleted", fmt.Sprintf("deleted a comment on task “%s”", task.Title))
}

// MayRemove reports whether the user may remove the comment.
func MayRemove(who *account.Identity, comment models.Comment) bool {
	return isOwn(who, comment.AuthorID)
}
