// Package notes is a small application's schema, for the engine's own tests:
// folders of notes that people write, with keys, checks, times and dates.
package notes

import (
	"embed"
	"io/fs"
	"time"

	"tenantry/tenants"
)

//go:embed migrations
var migrations embed.FS

// Schema returns the schema of a tenant's database.
func Schema() tenants.Schema {
	folder, _ := fs.Sub(migrations, "migrations") // the name is valid
	return tenants.Schema{
		Models:     []any{&Person{}, &Folder{}, &Note{}},
		Migrations: tenants.MigrationsIn(folder),
	}
}

// Person writes notes. No two have the same address, whatever the case of its
// letters.
type Person struct {
	ID    int64  `gorm:"primaryKey"`
	Email string `gorm:"not null;check:people_email_check,length(email) BETWEEN 3 AND 254;uniqueIndex:people_email_key,expression:lower(email)"`
	Name  string `gorm:"not null"`
}

// Folder holds notes. Its name is unique.
type Folder struct {
	ID        int64     `gorm:"primaryKey"`
	Name      string    `gorm:"not null;check:folders_name_check,length(name) BETWEEN 1 AND 200;uniqueIndex:folders_name_key"`
	Remark    string    `gorm:"not null"`
	CreatedAt time.Time `gorm:"not null"`
	UpdatedAt time.Time `gorm:"not null"`

	// Notes are deleted with their folder.
	Notes []Note `gorm:"constraint:notes_folder_id_fkey,OnDelete:CASCADE"`
}

// Note is a text in a folder. It outlives its author.
type Note struct {
	ID        int64      `gorm:"primaryKey;index:notes_folder_idx,priority:2"`
	FolderID  int64      `gorm:"not null;index:notes_folder_idx,priority:1"`
	AuthorID  *int64     `gorm:"index:notes_author_idx"`
	Text      string     `gorm:"not null"`
	Kind      string     `gorm:"not null;check:notes_kind_check,kind IN ('idea', 'task')"`
	DueOn     *time.Time `gorm:"type:date"`
	CreatedAt time.Time  `gorm:"not null"`
	Pinned    bool       `gorm:"not null;default:false"`

	Author *Person `gorm:"constraint:notes_author_id_fkey,OnDelete:SET NULL"`
}
