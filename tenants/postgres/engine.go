// Package postgres keeps each tenant's database on a Postgres server, all of
// them over a bounded number of connections. Beside it, the package opens a
// master database on such a server.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/seal"
)

// Dialect is the key of this engine's migrations in tenants.Schema.
const Dialect = "postgres"

// Config is what an Engine is made of.
type Config struct {
	// URL names the server, a user who may create databases and roles there,
	// and the database to which that user connects for it. That user, the
	// provisioner, owns the tenants' databases and should own this one. The URL
	// leads to the server itself, not to a pooler that shares sessions.
	URL string
	// Keys seal the passwords of the tenants' roles; without them New fails.
	Keys *seal.Ring
	// Schema is that of the tenants' databases.
	Schema tenants.Schema
	// Prefix begins the names of the group of the tenants' roles, of templates and
	// of unfinished adoptions. It stays the same for an installation. Defaults to
	// tenantry.
	Prefix string
	// MaxConns bounds the connections to all tenants' databases together; 0
	// means what the server has, less a reserve for everything else. Where
	// several processes share a server, each gets its part here.
	MaxConns int
	// TenantConns bounds the connections to one tenant's database; 0 means 4.
	TenantConns int
	// Log gets slow statements, and what an administrator should do about the
	// server; nil means slog.Default().
	Log *slog.Logger
}

// errNoKeys: the passwords would have to be stored in clear.
var errNoKeys = errors.New("open Postgres: no keys to seal the tenants' passwords with")

// The pools beside those of the tenants. Together with a LISTEN and a few
// connections made by hand they are the reserve.
const (
	adminConns  = 3
	masterConns = 8
	reserve     = 15
)

// Engine is a tenants.Engine on a Postgres server.
type Engine struct {
	config  Config
	server  *pgx.ConnConfig // without a database of its own
	admin   *sql.DB
	base    *gorm.DB
	version int64
	budget  *budget
	group   string            // the role that may use what is in every tenant's database
	hash    string            // of the migrations
	locale  string            // how new databases compare text, for CREATE DATABASE
	pins    map[string]string // what sessions of tenants' roles begin with

	template *template
	adopting chan struct{} // holds a token while a database is adopted
	trying   chan struct{} // and while a role is tried
}

var _ tenants.Engine = (*Engine)(nil)

// New connects to the server and closes its shared databases to the tenants'
// roles, or warns where the provisioner may not. A server that is down is
// ErrUnavailable. The caller closes the engine after all handles.
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
	version, err := migrate.Latest(migrations)
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
		config: c, server: server, admin: openAdmin(server), base: base, version: version, hash: hash, group: groupName(c.Prefix, server.Database),
		adopting: make(chan struct{}, 1), trying: make(chan struct{}, 1),
	}
	if err := e.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Postgres: %w", unavailable(err)), e.Close())
	}
	return e, nil
}

// start prepares the server and counts its connections.
func (e *Engine) start(ctx context.Context) (err error) {
	limit := e.config.MaxConns
	if limit == 0 {
		limit, err = spareConns(ctx, e.admin)
	}
	if err != nil {
		return err
	}
	e.budget = newBudget(limit)
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
	return closeShared(ctx, e.admin, e.config.Log, "postgres", "template1", e.server.Database)
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

func openAdmin(server *pgx.ConnConfig) *sql.DB {
	admin := sql.OpenDB(connector{server: server, database: server.Database})
	admin.SetMaxOpenConns(adminConns)
	admin.SetMaxIdleConns(1)
	admin.SetConnMaxIdleTime(idleTime)
	return admin
}

// spareConns is how many connections the server has for tenants: at least one.
func spareConns(ctx context.Context, admin *sql.DB) (int, error) {
	var n int
	err := admin.QueryRowContext(ctx, `SELECT current_setting('max_connections')::int
		- current_setting('superuser_reserved_connections')::int
		- coalesce(current_setting('reserved_connections', true), '0')::int`).Scan(&n)
	return max(1, n-reserve), err
}

// readLocale is the clause that makes a database compare text by its bytes, as
// SQLite does, whatever the server's locale. UTF-8 goes with it on every server.
func readLocale(ctx context.Context, admin *sql.DB) (string, error) {
	const plain = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
	var version int
	err := admin.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version)
	if version >= 150000 { // from which on ICU can be a server's default
		return plain + " LOCALE_PROVIDER libc", err
	}
	return plain, err
}

// Dialect is "postgres".
func (e *Engine) Dialect() string { return Dialect }

// Base is the parsed base of every handle.
func (e *Engine) Base() *gorm.DB { return e.base }

// SchemaVersion is the version of the last migration.
func (e *Engine) SchemaVersion() int64 { return e.version }

// Close closes the connections to the server that belong to no tenant.
func (e *Engine) Close() error { return e.admin.Close() }
