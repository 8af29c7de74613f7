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
	task, err := TakeTask(c, tx)
	if err != nil {
		return err
	}
	found, err := FindComments(c, tx, task.ID, request.DefaultLimit)
	return request.WriteList(c, found, err, viewComment)
}

// FindComments finds the page of a task's comments that the query asks for,
// with their authors: of at most limit, where the query doesn't say otherwise.
func FindComments(c *gin.Context, tx *gorm.DB, taskID int64, limit int) (request.Found[models.Comment], error) {
	var bad request.Faults
	page := request.ReadPage(c, &bad, "comments/"+strconv.FormatInt(taskID, 10), request.Order{Columns: []string{"comments.id"}})
	if _, said := c.GetQuery("limit"); !said {
		page.Limit = limit
	}
	if err := bad.Err(); err != nil {
		return request.Found[models.Comment]{}, err
	}
	return request.FindPage(tx.Joins("Author").Where("task_id = ?", taskID), page, commentKeys)
}

// CreateComment adds a comment of the user who asks.
func CreateComment(c *gin.Context, tx *gorm.DB) error {
	in, err := request.ReadInput(c)
	if err != nil {
		return err
	}
	comment, err := AddComment(c, tx, in)
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/tasks/%d/comments", comment.TaskID), viewComment(comment))
	return nil
}

// AddComment adds a comment of the user who asks to the task of the path.
func AddComment(c *gin.Context, tx *gorm.DB, in *request.Input) (models.Comment, error) {
	task, err := request.TakeRow[models.Task](c, models.Kept(tx))
	if err != nil {
		return models.Comment{}, err
	}
	who := account.Current(c)
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
	return comment, account.Record(c, tx, taskSubject(task), "commented", fmt.Sprintf("commented on task “%s”", task.Title))
}

// commentBody is text that says something.
func commentBody(s string) string {
	if text.Blank(s) {
		return text.IsBlank
	}
	return request.Prose(10_000)(s)
}

// DeleteComment removes a comment: one's own, or for admins anybody's.
func DeleteComment(c *gin.Context, tx *gorm.DB) error {
	_, err := RemoveComment(c, tx)
	return request.WriteNoContent(c, err)
}

// RemoveComment removes the comment of the path, which it returns: one's own,
// or for admins anybody's.
func RemoveComment(c *gin.Context, tx *gorm.DB) (models.Comment, error) {
	comment, err := request.TakeRow[models.Comment](c, models.Locked(tx))
	if err != nil {
		return comment, err
	}
	if !MayRemove(c, comment) {
		return comment, problem.New(problem.ErrForbidden, "Only its author and admins may delete a comment.")
	}
	task := models.Task{ID: comment.TaskID}
	if err := tx.Take(&task).Error; err != nil { // it is there as long as the comment is
		return comment, err
	}
	if err := tx.Delete(&comment).Error; err != nil {
		return comment, err
	}
	return comment, account.Record(c, tx, taskSubject(task), "comment_deleted", fmt.Sprintf("deleted a comment on task “%s”", task.Title))
}

// MayRemove tells whether the user who asks may delete the comment.
func MayRemove(c *gin.Context, comment models.Comment) bool {
	return account.IsAdmin(c) || comment.AuthorID != nil && *comment.AuthorID == account.Current(c).UserID
}
