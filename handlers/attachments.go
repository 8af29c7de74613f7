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
	"tenantry/handlers/uploads"
	"tenantry/models"
	"tenantry/tenants/files"
)

// attachmentJSON is how an attachment is shown. The author is null when they were deleted.
type attachmentJSON struct {
	ID         int64     `json:"id"`
	TaskID     int64     `json:"task_id"`
	AuthorID   *int64    `json:"author_id"`
	AuthorName *string   `json:"author_name"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Size       int64     `json:"size"`
	SHA256     string    `json:"sha256"`
	CreatedAt  time.Time `json:"created_at"`
}

func viewAttachment(m models.Attachment) attachmentJSON {
	v := attachmentJSON{
		ID: m.ID, TaskID: m.TaskID, AuthorID: m.AuthorID, Name: m.Name, Type: m.File.Type, Size: m.File.Size, SHA256: m.File.SHA256,
		CreatedAt: m.CreatedAt.UTC(),
	}
	if m.Author != nil {
		v.AuthorName = &m.Author.Name
	}
	return v
}

func attachmentKeys(m models.Attachment) []int64 { return []int64{m.ID} }

// ListAttachments lists a task's attachments, the oldest first.
func ListAttachments(c *gin.Context, tx *gorm.DB) error {
	task, err := request.Take[models.Task](tx, request.PathID(c))
	if err != nil {
		return err
	}
	found, err := FindAttachments(tx, task.ID, request.ReadQuery(c))
	return request.WriteList(c, found, err, viewAttachment)
}

// FindAttachments finds the page of a task's attachments that the query asks for, with their authors and files.
func FindAttachments(tx *gorm.DB, taskID int64, q *request.Query) (request.Found[models.Attachment], error) {
	page := q.Page("attachments/"+strconv.FormatInt(taskID, 10), request.Order{Columns: []string{"attachments.id"}})
	return request.FindPage(tx.Joins("Author").Joins("File").Where("task_id = ?", taskID), q, page, attachmentKeys)
}

// CreateAttachment adds the file that uploads.Service.Receive has received to a task.
func CreateAttachment(c *gin.Context, tx *gorm.DB) error {
	attachment, err := AddAttachment(tx, account.Current(c), request.PathID(c), uploads.Received(c))
	if err != nil {
		return err
	}
	request.WriteCreated(c, fmt.Sprintf("/api/attachments/%d", attachment.ID), viewAttachment(attachment))
	return nil
}

// MaxAttachments is how many attachments a task can have.
const MaxAttachments = 200

// AddAttachment adds a received file to a task. It must not be called in a savepoint.
func AddAttachment(tx *gorm.DB, who *account.Identity, taskID int64, u *uploads.Upload) (models.Attachment, error) {
	task, err := request.Take[models.Task](models.Locked(tx), taskID)
	if err != nil {
		return models.Attachment{}, err
	}
	var count int64
	if err := tx.Model(&models.Attachment{}).Where("task_id = ?", task.ID).Count(&count).Error; err != nil {
		return models.Attachment{}, err
	}
	if count >= MaxAttachments {
		return models.Attachment{}, problem.Conflict(fmt.Sprintf("A task can have at most %d attachments. Delete some first.", MaxAttachments))
	}
	row, err := u.Keep(tx)
	if err != nil {
		return models.Attachment{}, err
	}
	attachment := models.Attachment{TaskID: task.ID, FileID: row.ID, AuthorID: &who.UserID, Name: u.Name}
	if err := tx.Create(&attachment).Error; err != nil {
		return attachment, err
	}
	attachment.File, attachment.Author = &row, &models.User{ID: who.UserID, Name: who.Name}
	return attachment, account.Record(tx, who, taskSubject(task), "attached", fmt.Sprintf("attached “%s” to task “%s”", attachment.Name, task.Title))
}

// DeleteAttachment removes an attachment, as RemoveAttachment does.
func DeleteAttachment(c *gin.Context, tx *gorm.DB) error {
	_, err := RemoveAttachment(tx, account.Current(c), request.PathID(c))
	return request.WriteNoContent(c, err)
}

// RemoveAttachment removes an attachment with its file, and returns it. Users may remove their own attachments, and admins all.
func RemoveAttachment(tx *gorm.DB, who *account.Identity, id int64) (models.Attachment, error) {
	attachment, err := request.Take[models.Attachment](models.Locked(tx), id)
	if err != nil {
		return attachment, err
	}
	if !isOwn(who, attachment.AuthorID) {
		return attachment, problem.New(problem.ErrForbidden, "Only the person who attached it and admins may delete an attachment.")
	}
	task := models.Task{ID: attachment.TaskID}
	if err := tx.Take(&task).Error; err != nil { // it is there as long as the attachment is
		return attachment, err
	}
	if err := tx.Delete(&attachment).Error; err != nil {
		return attachment, err
	}
	if err := files.Remove(tx, attachment.FileID); err != nil {
		return attachment, err
	}
	return attachment, account.Record(tx, who, taskSubject(task), "attachment_deleted", fmt.Sprintf("deleted “%s” from task “%s”", attachment.Name, task.Title))
}

// isOwn reports whether the user may remove what the author has added.
func isOwn(who *account.Identity, authorID *int64) bool {
	return who.IsAdmin() || authorID != nil && *authorID == who.UserID
}

// MayDetach reports whether the user may remove the attachment.
func MayDetach(who *account.Identity, attachment models.Attachment) bool {
	return isOwn(who, attachment.AuthorID)
}

// filesOf returns the ids of the files that are attached to the selected tasks.
func filesOf(tx, tasks *gorm.DB) (ids []string, err error) {
	err = tx.Model(&models.Attachment{}).Where("task_id IN (?)", tasks).Pluck("file_id", &ids).Error
	return ids, err
}

// MayAttach returns gorm.ErrRecordNotFound if the task in the path isn't there.
func MayAttach(c *gin.Context, tx *gorm.DB) error {
	return tx.Select("id").Take(&models.Task{}, request.PathID(c)).Error
}

// AttachedFile returns the name and the file of the attachment in the path.
func AttachedFile(c *gin.Context, tx *gorm.DB) (name string, row files.Row, err error) {
	var attachment models.Attachment
	if err := tx.Joins("File").Take(&attachment, "attachments.id = ?", request.PathID(c)).Error; err != nil {
		return "", row, err
	}
	return attachment.Name, *attachment.File, nil
}
