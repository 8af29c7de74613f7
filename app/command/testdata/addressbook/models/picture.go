package models

import "tenantry/tenants/files"

// Picture is the picture of a contact.
type Picture struct {
	ContactID int64  `gorm:"primaryKey;autoIncrement:false"`
	FileID    string `gorm:"not null;uniqueIndex:pictures_file_key"`

	Contact *Contact   `gorm:"constraint:pictures_contact_id_fkey,OnDelete:RESTRICT"`
	File    *files.Row `gorm:"foreignKey:FileID;constraint:pictures_file_id_fkey,OnDelete:RESTRICT"`
}
