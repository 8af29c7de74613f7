package models

import "time"

// MailOptOut is a user who wants no mail about tasks.
type MailOptOut struct {
	UserID    int64     `gorm:"primaryKey;autoIncrement:false;not null"`
	CreatedAt time.Time `gorm:"not null"`

	User *User `gorm:"constraint:mail_opt_outs_user_id_fkey,OnDelete:CASCADE"`
}
