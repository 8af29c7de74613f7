package models

import (
	"time"

	"tenantry/tenants/files"
)

// Attachment is a file that a user added to a task.
type Attachment struct {
	ID     int64  `gorm:"primaryKey;index:attachments_task_idx,priority:2"`
	TaskID int64  `gorm:"not null;index:attachments_task_idx,priority:1"`
	FileID string `gorm:"not null;uniqueIndex:attachments_file_key"`
	// AuthorID is nil when the author was deleted.
	AuthorID *int64 `gorm:"index:attachments_author_idx"`
	// Name is what the author calls the file. It names nothing that is stored.
	Name      string    `gorm:"not null;check:attachments_name_check,length(name) BETWEEN 1 AND 255"`
	CreatedAt time.Time `gorm:"not null"`

	Author *User      `gorm:"constraint:attachments_author_id_fkey,OnDelete:SET NULL"`
	File   *files.Row `gorm:"foreignKey:FileID;constraint:attachments_file_id_fkey,OnDelete:RESTRICT"`
}
