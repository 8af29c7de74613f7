package pages

import (
	"fmt"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/look"
	"tenantry/handlers/request"
	"tenantry/handlers/uploads"
)

// attachmentsOf returns all attachments of a task, the oldest first.
func attachmentsOf(c *gin.Context, tx *gorm.DB, taskID int64, days calendar) (all []attachmentView, err error) {
	q := request.NewQuery(url.Values{})
	q.Limit = handlers.MaxAttachments
	found, err := handlers.FindAttachments(tx, taskID, q)
	for _, attachment := range found.Rows {
		v := attachmentView{
			ID: attachment.ID, Name: attachment.Name, Size: attachment.File.Size, When: days.moment(attachment.CreatedAt), Stamp: attachment.CreatedAt.UTC().Format(time.RFC3339),
			Mine: handlers.MayDetach(account.Current(c), attachment),
		}
		if attachment.Author != nil {
			v.Author = personOf(*attachment.Author)
		}
		all = append(all, v)
	}
	return all, err
}

// Bytes is the size for people.
func (v attachmentView) Bytes() string {
	switch {
	case v.Size < 1000:
		return fmt.Sprintf("%d bytes", v.Size)
	case v.Size < 1e6:
		return fmt.Sprintf("%.1f kB", float64(v.Size)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(v.Size)/1e6)
}

// createAttachment adds a file to a task.
func (s *Site) createAttachment(c *gin.Context, tx *gorm.DB) error {
	attachment, err := handlers.AddAttachment(tx, account.Current(c), request.PathID(c), uploads.Received(c))
	if err != nil {
		return err
	}
	return look.SeeOther(c, fmt.Sprintf("%s#a%d", taskPath(attachment.TaskID), attachment.ID))
}

// deleteAttachment removes an attachment.
func (s *Site) deleteAttachment(c *gin.Context, tx *gorm.DB) error {
	attachment, err := handlers.RemoveAttachment(tx, account.Current(c), request.PathID(c))
	if err != nil {
		return err
	}
	return look.SeeOther(c, taskPath(attachment.TaskID)+"#attachments")
}
