package tenants

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"

	"tenantry/tenants/migrate"
)

// Engine creates, opens and drops databases on one server. It is safe for concurrent use. Errors
// that may go away by themselves wrap ErrUnavailable.
type Engine interface {
	Inspector
	Loader

	// Dialect returns "sqlite" or "postgres", the key of Schema.Migrations.
	Dialect() string

	// Base returns the *gorm.DB from which every handle is cloned. Its models are parsed, its
	// dialector translates errors into this package's and gorm's, and it has no connection.
	Base() *gorm.DB

	// SchemaVersion returns the version of the last migration, which Create gives to a database.
	SchemaVersion() int64

	// Versions returns the schema versions that this build serves. Its Newest is SchemaVersion.
	Versions() migrate.Versions

	// DatabaseName returns the name for the database of a new tenant.
	DatabaseName(id string) string

	// NewCredentials makes the credentials with which the engine will connect to the tenant's
	// database, sealed for the tenant with that id: the value of Tenant.Credentials. It returns nil
	// if the engine needs none. Store them before calling Create, which puts them in force.
	NewCredentials(id string) (sealed []byte, err error)

	// Create makes the tenant's database from the template. Only t.Credentials give access to it.
	// Create is idempotent and atomic: it keeps any existing database as it is, and
	// an error or a crash leaves either no database or a complete one. The database is durable when
	// Create returns.
	Create(ctx context.Context, t *Tenant) error

	// Trash takes the tenant's database out of use and keeps its data: connections to it are refused,
	// and Open returns ErrUnavailable. It is idempotent, and durable when it returns. If the
	// process dies meanwhile, Trash or Untrash can be called again. Returns ErrNoDatabase if the
	// database is neither in use nor in the trash, and ErrUnavailable if it is in both places.
	// The caller must make sure that no process has the database open.
	Trash(ctx context.Context, t *Tenant) error

	// Untrash undoes Trash. The same rules hold for it.
	Untrash(ctx context.Context, t *Tenant) error

	// Drop removes the tenant's database and everything that belongs to it, in use or in the trash.
	// A missing database is not an error. The caller must make sure that no process has it open.
	Drop(ctx context.Context, t *Tenant) error

	// Open connects to the tenant's database with t.Credentials and verifies that it is the
	// tenant's. It never creates a database. Returns ErrUnavailable if the database is missing,
	// corrupt or another tenant's, if the credentials are refused, or if the server is down; and
	// ErrNoDatabase as well if the database exists nowhere. The caller must close Conns.
	Open(ctx context.Context, t *Tenant) (*Conns, error)

	// Migrate brings the tenant's database to the last migration and returns its new version. It
	// uses a connection of its own, without the guards and limits of Open, as a user who may change
	// the schema. It may run while scopes do. With an error it returns the version at which the
	// database stopped, or 0 if no migration began; the error wraps migrate.ErrUnclear if the version
	// can't be determined.
	Migrate(ctx context.Context, t *Tenant) (version int64, err error)

	// MigrateDown undoes the migrations after the version to, and returns the new version, which is greater after an error
	// halfway. Otherwise it is like Migrate. Returns a *migrate.NoDownError, and changes nothing, if a migration can't be
	// undone. It does nothing if the database isn't after that version.
	MigrateDown(ctx context.Context, t *Tenant, to int64) (version int64, err error)

	// Adopt makes the tenant's database a copy of the one at source, which it reads but never
	// changes, and which may be in use. It returns the schema version of the copy, which is the
	// source's. Otherwise it is like Create: it keeps an existing database. The source is
	// sqlite:PATH or postgres://…, according to the engine; no error contains its password.
	//
	// Returns a *SchemaError if the source's schema differs from what the migrations make, and a
	// *SourceError if the source can't be read or its rows violate the schema's constraints.
	Adopt(ctx context.Context, t *Tenant, source string) (version int64, err error)

	// Close releases the engine's own resources. It does not close the databases that Open returned.
	Close() error
}

// Conns are the connection pools of an open tenant database. Read and Write may be the same pool;
// if not, Read refuses writes.
type Conns struct {
	Write, Read *sql.DB
	// Version is the schema version that the database had when it was opened. It is 0 if the engine hasn't read it.
	Version int64
	// Place says on which processors the database's statements run. Defaults to OtherMachine.
	Place Place
	// Check returns ErrReplaced if the open database's file was replaced or removed. It is nil for
	// engines where that can't happen.
	Check func() error
	// Admit returns ErrBusy if a transaction that begins with ctx would wait for a connection beyond ctx's deadline. It
	// is nil for engines where a transaction needs none.
	Admit func(ctx context.Context) error
}

// Place says on which processors the statements of a database run.
type Place int

// The places.
const (
	OtherMachine Place = iota
	SameMachine
	InProcess
)

// Close closes both pools, Write last: on SQLite only a connection that may write can checkpoint the
// -wal file. It does not wait for running transactions.
func (c *Conns) Close() error {
	if c.Read == c.Write {
		return c.Write.Close()
	}
	return errors.Join(c.Read.Close(), c.Write.Close())
}
