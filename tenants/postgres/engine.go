// Package postgres keeps each tenant's database on a Postgres server, all of
// them over a bounded number of connections. Beside it, the package opens a
// master database on such a server.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Dialect is the key of this engine's migrations in models.Schema.
const Dialect = "postgres"

// Config is what an Engine is made of.
type Config struct {
	// URL names the server, a user who may create databases there, and the
	// database to which that user connects for it, such as "postgres". It
	// leads to the server itself, not to a pooler that shares sessions.
	URL string
	// Schema is that of the tenants' databases.
	Schema models.Schema
	// MaxConns bounds the connections to all tenants' databases together; 0
	// means what the server has, less a reserve for everything else. Where
	// several processes share a server, each gets its part here.
	MaxConns int
	// TenantConns bounds the connections to one tenant's database; 0 means 4.
	TenantConns int
	// Log gets slow statements; nil means slog.Default().
	Log *slog.Logger
}

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

	template *template
}

var _ tenants.Engine = (*Engine)(nil)

// New connects to the server. A server that is down is ErrUnavailable. The
// caller closes the engine after all handles.
func New(ctx context.Context, c Config) (*Engine, error) {
	c = c.withDefaults()
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
	admin := openAdmin(server)
	if c.MaxConns == 0 {
		c.MaxConns, err = spareConns(ctx, admin)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to Postgres: %w", unavailable(err)), admin.Close())
	}
	e := &Engine{config: c, server: server, admin: admin, base: base, version: version, budget: newBudget(c.MaxConns)}
	e.template = newTemplate(e, hash)
	return e, nil
}

func (c Config) withDefaults() Config {
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

// Dialect is "postgres".
func (e *Engine) Dialect() string { return Dialect }

// Base is the parsed base of every handle.
func (e *Engine) Base() *gorm.DB { return e.base }

// SchemaVersion is the version of the last migration.
func (e *Engine) SchemaVersion() int64 { return e.version }

// Close closes the connections to the server that belong to no tenant.
func (e *Engine) Close() error { return e.admin.Close() }
