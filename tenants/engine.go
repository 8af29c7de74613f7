package tenants

import (
	"context"
	"database/sql"
	"errors"

	"gorm.io/gorm"
)

// Engine creates, opens and drops databases on one server. Its methods are
// safe for concurrent use. Errors that mean "not now" wrap ErrUnavailable.
type Engine interface {
	Inspector

	// Dialect is "sqlite" or "postgres": the key of Schema.Migrations.
	Dialect() string

	// Base is the *gorm.DB from which every handle is cloned: its models are
	// parsed, its dialector translates errors into this package's and gorm's
	// sentinels, and it has no connection of its own.
	Base() *gorm.DB

	// SchemaVersion is the version that Create gives a database: that of the
	// last migration.
	SchemaVersion() int64

	// DatabaseName is the name that the database of a new tenant gets.
	DatabaseName(id string) string

	// NewCredentials makes what the engine will connect with to the database of
	// the tenant with that id, sealed for it: Tenant.Credentials. It is
	// nil where the engine needs none, and is stored before Create, which makes
	// it valid.
	NewCredentials(id string) (sealed []byte, err error)

	// Create makes the tenant's database from the template, and lets nobody in
	// but with t.Credentials. It is idempotent and atomic: a database that is
	// already there, whoever made it, is kept as it is, and after an error or a
	// crash there is either none or a whole one. What it made is durable when
	// it returns.
	Create(ctx context.Context, t *Tenant) error

	// Trash takes the tenant's database out of use and keeps its data: nobody
	// can connect any more, and Open says ErrUnavailable. It is idempotent, and
	// durable when it returns; a process that dies in it leaves what Trash and
	// Untrash can finish. A database that is nowhere is ErrNoDatabase; one in use
	// and one in the trash again are ErrUnavailable. Nobody may have it open.
	Trash(ctx context.Context, t *Tenant) error

	// Untrash undoes Trash, and is like it in all.
	Untrash(ctx context.Context, t *Tenant) error

	// Drop removes the tenant's database and all that belongs to it, also from
	// the trash. A database that is not there is no error. Nobody may have it
	// open.
	Drop(ctx context.Context, t *Tenant) error

	// Open connects to the tenant's database with t.Credentials and verifies
	// that it is that tenant's. It never creates one: a missing, corrupt or
	// foreign database, credentials that are not the tenant's and a server that
	// is down are ErrUnavailable; one that is nowhere is ErrNoDatabase too. The
	// caller closes Conns.
	Open(ctx context.Context, t *Tenant) (*Conns, error)

	// Migrate brings the tenant's database to the last migration, over a
	// connection of its own without the guards and limits of Open, as somebody
	// who may change the schema, and returns the version that it then has. It may run beside scopes.
	// With an error it returns the version at which the database stands, 0 where
	// nothing was begun, or migrate.ErrUnclear where that can't be told.
	Migrate(ctx context.Context, t *Tenant) (version int64, err error)

	// Adopt makes the tenant's database a copy of the one at source, which is
	// read and never changed, and may be in use. It returns the version of the
	// copy's schema, which is the source's. Otherwise it is like Create: what is
	// there already is kept. Source is sqlite:PATH or postgres://…, as the engine
	// is; a password in it is in no error.
	//
	// It returns a *SchemaError for a schema that the migrations don't make, and
	// a *SourceError for a source that can't be read or whose rows break the
	// schema's rules.
	Adopt(ctx context.Context, t *Tenant, source string) (version int64, err error)

	// Close releases what the engine holds for itself. Handles are closed by
	// whoever opened them.
	Close() error
}

// Conns are the pools of one open tenant database. Read may be the same pool
// as Write; where it is not, Read refuses writes.
type Conns struct {
	Write, Read *sql.DB
	// Check returns ErrReplaced when the database that is open is no longer the
	// one in its place; nil where that can't be.
	Check func() error
}

// Close closes both pools, Write last: on SQLite only a connection that may
// write can move what lies in -wal into the file. Transactions in flight are
// not waited for.
func (c *Conns) Close() error {
	if c.Read == c.Write {
		return c.Write.Close()
	}
	return errors.Join(c.Read.Close(), c.Write.Close())
}
