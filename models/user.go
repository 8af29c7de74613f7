package models

import "time"

// Role says what a user may do.
type Role string

// The roles: members work on projects and tasks, admins also manage users.
const (
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// User is a person who works at a tenant.
type User struct {
	ID int64 `gorm:"primaryKey"`
	// Email is kept as it was typed and is unique without regard to the case of
	// its ASCII letters: SQLite folds the case of no others.
	Email string `gorm:"not null;check:users_email_check,length(email) BETWEEN 3 AND 254;uniqueIndex:users_email_key,expression:lower(email)"`
	Name  string `gorm:"not null;check:users_name_check,length(name) BETWEEN 1 AND 200"`
	Role  Role   `gorm:"not null;check:users_role_check,role IN ('admin', 'member')"`
	// PasswordHash is an argon2id hash in PHC form; nil until the user has set
	// a password.
	PasswordHash *string
	CreatedAt    time.Time `gorm:"not null"`
	UpdatedAt    time.Time `gorm:"not null"`

	// Credentials go with their user.
	Credentials []Credential `gorm:"constraint:credentials_user_id_fkey,OnDelete:CASCADE"`
}
