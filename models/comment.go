package models

import "time"

// Comment is a user's remark on a task.
type Comment struct {
	ID     int64 `gorm:"primaryKey;index:comments_task_idx,priority:2"`
	TaskID int64 `gorm:"not null;index:comments_task_idx,priority:1"`
	// AuthorID is nil when the author was deleted.
	AuthorID  *int64    `gorm:"index:comments_author_idx"`
	Body      string    `gorm:"not null;check:comments_body_check,length(body) BETWEEN 1 AND 10000"`
	CreatedAt time.Time `gorm:"not null"`

	Author *User `gorm:"constraint:comments_author_id_fkey,OnDelete:SET NULL"`
}
