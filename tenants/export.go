package tenants

import (
	"context"
	"time"
)

// Export is the newest backup of a tenant that is backed up as a portable file, or of the master. It tells all processes
// which were written since.
type Export struct {
	// TenantID is "master" for the master.
	TenantID string `gorm:"primaryKey;not null"`
	// Bucket is where the backup is.
	Bucket string `gorm:"not null"`
	// Sign is what the server said of the database before the backup was made: see Exporter.
	Sign string `gorm:"not null"`
	// Content is a hash of the rows.
	Content string `gorm:"not null"`
	// At is the moment as which the database is in the backup.
	At time.Time `gorm:"not null"`
	// ChangedAt is when a process noticed that the database was written since; nil if none did.
	ChangedAt *time.Time
}

// Exporter is an Engine whose tenants are backed up as portable files.
type Exporter interface {
	Engine

	// ReadLast is Rows for work that comes after all other work on the server. The caller bounds how many of the readers are
	// open.
	ReadLast(ctx context.Context, t *Tenant) (RowReader, error)

	// Signs returns a text for each database on the server, by its name, which differs from an earlier one if a transaction
	// that wrote was committed in between, unless that was within the last seconds. It may differ without that. It costs one
	// query, and no connection to the databases.
	Signs(ctx context.Context) (map[string]string, error)

	// Sign is Signs for one tenant. Returns ErrNoDatabase, which wraps ErrUnavailable, if its database doesn't exist.
	Sign(ctx context.Context, t *Tenant) (string, error)
}

// MasterExporter is what backs up a master as a portable file. It is safe for concurrent use.
type MasterExporter interface {
	// Rows begins to read the master as it is at this moment. It uses one of the master's connections until the caller closes
	// the reader.
	Rows(ctx context.Context) (RowReader, error)

	// Sign is Exporter.Sign for the tables of the master, except those that are named.
	Sign(ctx context.Context, except []string) (string, error)
}
