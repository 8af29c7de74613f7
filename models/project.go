package models

import "time"

// Project is a named body of work that holds tasks.
type Project struct {
	ID          int64     `gorm:"primaryKey"`
	Name        string    `gorm:"not null;check:projects_name_check,length(name) BETWEEN 1 AND 200;uniqueIndex:projects_name_key"`
	Description string    `gorm:"not null;check:projects_description_check,length(description) <= 10000"`
	Archived    bool      `gorm:"not null"`
	CreatedAt   time.Time `gorm:"not null"`
	UpdatedAt   time.Time `gorm:"not null"`

	// Tasks go with their project.
	Tasks []Task `gorm:"constraint:tasks_project_id_fkey,OnDelete:CASCADE"`
}
