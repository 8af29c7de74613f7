package models

import "time"

// Status is a task's column on the board.
type Status string

// The statuses of a task, in the order of the board.
const (
	StatusTodo  Status = "todo"
	StatusDoing Status = "doing"
	StatusDone  Status = "done"
)

// Task is a piece of work in a project.
type Task struct {
	ID        int64  `gorm:"primaryKey;index:tasks_project_position_idx,priority:3;index:tasks_project_status_position_idx,priority:4"`
	ProjectID int64  `gorm:"not null;index:tasks_project_position_idx,priority:1;index:tasks_project_status_position_idx,priority:1"`
	Title     string `gorm:"not null;check:tasks_title_check,length(title) BETWEEN 1 AND 200"`
	Status    Status `gorm:"not null;check:tasks_status_check,status IN ('todo', 'doing', 'done');index:tasks_project_status_position_idx,priority:2"`
	// AssigneeID is nil while nobody has the task, and again after the
	// assignee was deleted.
	AssigneeID *int64 `gorm:"index:tasks_assignee_idx"`
	DueOn      *Date
	// Position orders the tasks of a project, together with ID.
	Position  int64     `gorm:"not null;index:tasks_project_position_idx,priority:2;index:tasks_project_status_position_idx,priority:3"`
	CreatedAt time.Time `gorm:"not null"`
	UpdatedAt time.Time `gorm:"not null"`
	// Version increases with every change except a change of the position, so
	// that a write based on an old version is detected.
	Version int64 `gorm:"not null;default:1"`

	Project  *Project
	Assignee *User `gorm:"constraint:tasks_assignee_id_fkey,OnDelete:SET NULL"`
	// Comments go with their task.
	Comments []Comment `gorm:"constraint:comments_task_id_fkey,OnDelete:CASCADE"`
	// Attachments go with their task; their files have to be removed beforehand.
	Attachments []Attachment `gorm:"constraint:attachments_task_id_fkey,OnDelete:CASCADE"`
}
