package models

import (
	"time"

	"tenantry/models"
)

// Contact is a person with a telephone.
type Contact struct {
	ID    int64  `gorm:"primaryKey"`
	Name  string `gorm:"not null;check:contacts_name_check,length(name) BETWEEN 1 AND 200"`
	Phone string `gorm:"not null"`
	// AuthorID is the user who added the contact; nil when that user was deleted.
	AuthorID  *int64    `gorm:"index:contacts_author_idx"`
	CreatedAt time.Time `gorm:"not null"`

	Author *models.User `gorm:"constraint:contacts_author_id_fkey,OnDelete:SET NULL"`
}
