// Package postgres keeps each tenant's database on a Postgres server, and limits the number of
// connections to all of them together. It also opens a master database on such a server.
//
//	engine.go       the options of an engine, and what it has
//	layout.go       what differs between the placements: databases.go, and schemas.go
//	database.go     creates databases and schemas; rights.go, roles.go, credentials.go
//	template.go     from a template, a database that has been migrated; copyschema.go, a schema's
//	location.go     where a tenant should lie and does, and who may enter there
//	drop.go         removes them; trash.go keeps them for a while, discard.go removes what is left of unfinished work
//	adopt.go        makes tenants from databases elsewhere; source.go, copy.go, copytext.go, trylogin.go
//	load.go         makes them from files; rows.go writes files
//	changes.go      tells what changed between two reads
//	rehearse.go     tries migrations on copies
//	size.go         measures them; space.go
//
// The way of a scope's connection:
//
//	url.go          reads the server's URL; urlreason.go says what is wrong with it
//	connector.go    makes connections; dialer.go, dialpatiently.go, hosts.go, standby.go and connecterror.go
//	silence.go      breaks off connections whose server says nothing
//	budget.go       limits the connections of all pools; share.go, a pool's part of them
//	queue.go        who waits, by class; fair.go, by weight; pace.go, how fast the server makes connections
//	crowd.go        has pools give up connections while others wait
//	division.go     follows what this process may have of the server
//	session.go      what a statement may leave in a session; pins.go, settings that a role can't change
//	transaction.go  commits, and tells what became of it
//	translate.go    turns the server's errors into those of package tenants
//
// In schemas the connections belong to all tenants:
//
//	lender.go       lends connections; turns.go says to whom
//	lent.go         a lent connection, which is a tenant's for one transaction
//	foreign.go      refuses statements that lead out of a schema
//	closed.go       takes rights in the shared database from everybody; shared.go, exposed.go
//	loginrole.go    the role as which connections log in; pooler.go tries a pooler
//
// Operators ask what is wrong, and for it to be mended:
//
//	examine.go      looks at a tenant's database; schema.go at its tables, identity.go at whose it is
//	survey.go       lists what is on the server; gaps.go, what an administrator should change; signs.go, which databases were written
//	mend.go         mends a database
//
// And the master:
//
//	master.go       opens it; masterrows.go writes it into a file, and makes it from one
//	presence.go     shows which processes are alive
//	watch.go        tells of changes by other processes
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/seal"
)

// Dialect is the key of this engine's migrations in tenants.Schema.Migrations.
const Dialect = "postgres"

// Config configures an Engine.
type Config struct {
	// URL names the server, the provisioner and the admin database. The provisioner is a user who may
	// create databases and roles; it owns the tenants' databases and should own the admin database, to
	// which it connects for that work. The URL must lead to the server itself, not to a pooler that
	// shares sessions.
	URL string
	// Keys seal the passwords of the tenants' roles. They are required.
	Keys *seal.Ring
	// Schema is the schema of the tenants' databases.
	Schema tenants.Schema
	// Prefix begins the names of the group of the tenants' roles, of templates and of unfinished
	// adoptions. It must stay the same for an installation. Defaults to "tenantry".
	Prefix string
	// Placement says how tenants lie on the server. Defaults to tenants.PlacementDatabase.
	Placement tenants.Placement
	// Installation is the id of the installation. With PlacementSchema the admin database serves the first
	// installation that names itself, and New returns ErrOtherInstallation to others. It may be empty.
	Installation string
	// Pooler is the URL of a pooler in front of the server, such as PgBouncer in transaction mode, over which scopes
	// connect, without a user: postgres://HOST:PORT/DATABASE. It needs PlacementSchema. Defaults to none.
	Pooler string
	// MaxConns limits the connections to all tenants' databases together, of all processes whose stores share a
	// master. Defaults to what the server allows, less a reserve for everything else.
	MaxConns int
	// TenantConns limits the connections to one tenant's database. Defaults to 4.
	TenantConns int
	// Log gets slow statements, and what an administrator should do about the server. Defaults to
	// slog.Default().
	Log *slog.Logger
}

// errNoKeys means that the passwords would have to be stored in clear.
var errNoKeys = errors.New("open Postgres: no keys to seal the tenants' passwords with")

// Connections that are not to tenants' databases.
const (
	adminConns  = 3
	masterConns = 6
	// processConns are a process's: those of its two pools, one that listens and one that holds its mark.
	processConns = adminConns + masterConns + 2
	// peopleConns are kept free for people.
	peopleConns = 4
	// mostSnapshots are the databases that are read as a whole at a time.
	mostSnapshots = 2
)

// Engine is a tenants.Engine on a Postgres server. It is safe for concurrent use.
type Engine struct {
	config   Config
	server   *server // its database is the admin database
	admin    *sql.DB
	layout   layout
	base     *gorm.DB
	version  int64
	versions migrate.Versions
	// setting is the server's max_connections, and capacity how many of them it allows to roles without privileges. Both
	// are 0 with Config.MaxConns.
	setting, capacity int
	budget            *budget
	group             string            // the role that has the permissions inside every tenant's database
	hash              string            // of the migrations
	locale            string            // clause of CREATE DATABASE that decides how text is compared
	pins              map[string]string // settings with which sessions of tenants' roles begin

	template *template
	adopting chan struct{} // holds a token while a database is being adopted or loaded
	reading  chan struct{} // holds a token for each snapshot
	trying   chan struct{} // holds a token while a role's login is being tried
}

var _ tenants.Engine = (*Engine)(nil)

// New connects to the server and revokes everybody's access to its shared databases, or logs a warning if
// the provisioner may not do that. Returns ErrUnavailable if the server is down. The caller must close
// the engine, after all handles.
func New(ctx context.Context, c Config) (*Engine, error) {
	c = c.withDefaults()
	if c.Keys == nil {
		return nil, errNoKeys
	}
	server, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	migrations := c.Schema.Migrations[Dialect]
	versions, err := c.Schema.Versions(Dialect)
	if err != nil {
		return nil, err
	}
	hash, err := migrate.Hash(migrations)
	if err != nil {
		return nil, err
	}
	base, err := tenants.OpenBase(newDialector(), c.Schema.Models, c.Log)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		config: c, server: server, admin: openAdmin(server), base: base, version: versions.Newest, versions: versions, hash: hash, group: groupName(c.Prefix, server.Database),
		adopting: make(chan struct{}, 1), reading: make(chan struct{}, mostSnapshots), trying: make(chan struct{}, 1),
	}
	if e.layout, err = newLayout(e); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	server.meet(ctx)
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Postgres: %w", unavailable(err)), e.Close())
	}
	return e, nil
}

// start prepares the server and determines the connection limit.
func (e *Engine) start(ctx context.Context) (err error) {
	if e.config.MaxConns == 0 {
		if e.setting, e.capacity, err = readCapacity(ctx, e.admin); err != nil {
			return err
		}
	}
	e.budget = newBudget(e.MaxConnections(1))
	if e.pins, err = readPins(ctx, e.admin); err != nil {
		return err
	}
	if e.locale, err = readLocale(ctx, e.admin); err != nil {
		return err
	}
	if e.template, err = newTemplate(ctx, e); err != nil {
		return err
	}
	if err := e.makeGroup(ctx); err != nil {
		return err
	}
	return e.layout.prepare(ctx)
}

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, "tenantry")
	if c.TenantConns == 0 {
		c.TenantConns = 4
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c
}

func openAdmin(server *server) *sql.DB {
	admin := sql.OpenDB(connector{server: server, database: server.Database})
	admin.SetMaxOpenConns(adminConns)
	admin.SetMaxIdleConns(1)
	admin.SetConnMaxIdleTime(idleTime)
	return admin
}

// readCapacity returns how many connections the server allows, to all roles and to those without privileges.
func readCapacity(ctx context.Context, admin *sql.DB) (all, plain int, err error) {
	err = admin.QueryRowContext(ctx, `SELECT current_setting('max_connections')::int, current_setting('max_connections')::int
		- current_setting('superuser_reserved_connections')::int
		- coalesce(current_setting('reserved_connections', true), '0')::int`).Scan(&all, &plain)
	return all, plain, err
}

// readLocale returns the clause that makes a new database compare text by its bytes, as SQLite does,
// whatever the server's locale is. With it UTF-8 works on every server.
func readLocale(ctx context.Context, admin *sql.DB) (string, error) {
	const plain = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
	var version int
	err := admin.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version)
	if version >= 150000 { // since version 15 ICU can be a server's default
		return plain + " LOCALE_PROVIDER libc", err
	}
	return plain, err
}

// Dialect returns "postgres".
func (e *Engine) Dialect() string { return Dialect }

// Base returns the *gorm.DB from which handles are cloned.
func (e *Engine) Base() *gorm.DB { return e.base }

// SchemaVersion returns the version of the last migration.
func (e *Engine) SchemaVersion() int64 { return e.version }

// Versions returns the schema versions that this build serves.
func (e *Engine) Versions() migrate.Versions { return e.versions }

// Placement returns the placement.
func (e *Engine) Placement() tenants.Placement {
	return cmp.Or(e.config.Placement, tenants.PlacementDatabase)
}

// Identity returns when the server was started and the number of the admin database.
func (e *Engine) Identity(ctx context.Context) (string, error) { return identityOf(ctx, e.admin) }

// Close closes the engine's own connections to the server, and those that handles share.
func (e *Engine) Close() error {
	if e.layout == nil {
		return e.admin.Close()
	}
	return errors.Join(e.layout.close(), e.admin.Close())
}
