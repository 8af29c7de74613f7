package tenants

import (
	"context"
	"errors"
	"time"
)

// MigrationCopy is a copy of a tenant's database from before its migration in a run. It can be put back until the run is
// accepted.
type MigrationCopy struct {
	RunID    string `gorm:"primaryKey;not null"`
	TenantID string `gorm:"primaryKey;not null;index:migration_copies_tenant_idx"`
	// Server and Database say whose copy it is: it can't be put back after the tenant has moved.
	Server   string `gorm:"not null"`
	Database string `gorm:"not null"`
	// SchemaVersion is the version of the copy, and Bytes its size.
	SchemaVersion int64     `gorm:"not null"`
	Bytes         int64     `gorm:"not null"`
	MadeAt        time.Time `gorm:"not null"`
}

// ErrNoCopy means that there is no copy of a tenant's database from before its migration.
var ErrNoCopy = errors.New("there is no copy of its database from before the migration")

// Copier is an Engine that keeps copies of tenants' databases, named by a migration run. Drop removes them with a
// tenant's database. For KeepCopy and PutBack the caller must make sure that no process has the database open.
type Copier interface {
	Engine
	// CheckRoom returns ErrFull if copies of so many bytes would leave the disk so full that tenants can't write.
	CheckRoom(bytes int64) error
	// KeepCopy copies the tenant's database, in place of an earlier copy of the run, and returns the size. The copy is
	// durable when KeepCopy returns. Returns ErrFull without copying as CheckRoom does.
	KeepCopy(ctx context.Context, t *Tenant, run string) (bytes int64, err error)
	// PutBack replaces the tenant's database by the run's copy, which has that version and is gone then. It is
	// idempotent, and durable when it returns. Returns ErrNoCopy, and changes nothing, if there is no copy and the
	// database doesn't have that version.
	PutBack(ctx context.Context, t *Tenant, run string, version int64) error
	// CopyAge says how a tenant's database differs from the run's copy. Returns ErrNoCopy.
	CopyAge(ctx context.Context, t *Tenant, run string) (CopyAge, error)
	// RemoveCopies removes all copies of a run.
	RemoveCopies(ctx context.Context, run string) error
}

// CopyAge says how a database differs from a copy of it.
type CopyAge struct {
	// WrittenAt is when the database was last written.
	WrittenAt time.Time
	// Rows is how many rows were added, changed or deleted at least, in the columns that both have; -1 if they are too large to
	// compare.
	Rows int64
}
