// Package sqlite keeps each tenant's database in a file of its own. Beside it,
// the package opens a master database in a file.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Dialect is the key of this engine's migrations in tenants.Schema.
const Dialect = "sqlite"

// Config is what an Engine is made of.
type Config struct {
	// Dir holds tenants/ and templates/; it is made 0700 where it is missing.
	Dir string
	// Schema is that of the tenants' databases.
	Schema tenants.Schema
	// Durability is what a commit survives.
	Durability Durability
	// Readers bounds the connections that read a tenant at once; 0 means 4.
	Readers int
	// MaxSize bounds the file of a tenant, in bytes, an eighth above it; 0 means any.
	MaxSize int64
	// Log gets slow statements; nil means slog.Default().
	Log *slog.Logger
}

// Durability says when a commit is on disk.
type Durability string

const (
	// Full: a commit survives power failure. The default.
	Full Durability = "full"
	// Normal: a commit survives the end of the process, and the last ones may
	// be lost on power failure; the database stays whole.
	Normal Durability = "normal"
)

// Engine is a tenants.Engine on a folder of files.
type Engine struct {
	files   folders
	base    *gorm.DB
	schema  tenants.Schema
	version int64
	config  Config

	templateMu sync.Mutex // guards template
	template   *template  // nil until a tenant is created
}

var _ tenants.Engine = (*Engine)(nil)

// New opens the folder. The caller closes the engine after all handles.
func New(c Config) (*Engine, error) {
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	version, err := migrate.Latest(c.Schema.Migrations[Dialect])
	if err != nil {
		return nil, err
	}
	base, err := openBase(c.Schema, c.Log)
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder %q: %w", c.Dir, err)
	}
	files, err := openFolders(dir)
	if err != nil {
		return nil, err
	}
	return &Engine{files: files, base: base, schema: c.Schema, version: version, config: c}, nil
}

// openBase opens gorm on a database in memory, as long as Initialize needs one.
func openBase(schema tenants.Schema, log *slog.Logger) (*gorm.DB, error) {
	memory := sql.OpenDB(connector{dsn: dsn(":memory:", "")})
	defer memory.Close()
	return tenants.OpenBase(newDialector(memory), schema.Models, log)
}

// Dialect is "sqlite".
func (e *Engine) Dialect() string { return Dialect }

// Base is the parsed base of every handle.
func (e *Engine) Base() *gorm.DB { return e.base }

// SchemaVersion is the version of the last migration.
func (e *Engine) SchemaVersion() int64 { return e.version }

// NewCredentials is nil: whoever may read the file may open it.
func (e *Engine) NewCredentials(string) ([]byte, error) { return nil, nil }

// Close does nothing: between calls the engine holds nothing open.
func (e *Engine) Close() error { return nil }

// readerIdle is how long a reading connection stays open unused.
const readerIdle = time.Minute

// Open opens the tenant's file for one writer and a few readers. Connections
// are opened when they are needed: a tenant that is only read has no writer.
func (e *Engine) Open(ctx context.Context, t *tenants.Tenant) (*tenants.Conns, error) {
	path, err := e.existing(t)
	if err != nil {
		return nil, err
	}
	place, err := findPlace(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", t.Database, err)
	}
	sync := "&_synchronous=" + string(e.config.Durability)
	read := sql.OpenDB(connector{dsn: dsn(path, "mode=ro&_query_only=1"), guarded: true, place: place, verify: ownedBy(t)})
	read.SetMaxOpenConns(e.config.Readers)
	read.SetMaxIdleConns(e.config.Readers)
	read.SetConnMaxIdleTime(readerIdle)
	write := sql.OpenDB(tidyingConnector{connector{
		dsn: dsn(path, "mode=rw&_txlock=immediate"+sync), guarded: true, place: place, verify: ownedBy(t),
		bound: bounded(e.config.MaxSize),
	}})
	write.SetMaxOpenConns(1)

	conns := &tenants.Conns{Write: write, Read: read, Check: place.check}
	if err := read.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", t.Database, unavailable(hindered(path, err))), conns.Close())
	}
	return conns, nil
}

// Migrate runs the migrations over one connection with foreign keys off, so
// that a migration can rebuild a table (PITFALLS, GORM: AutoMigrate).
func (e *Engine) Migrate(ctx context.Context, t *tenants.Tenant) (version int64, err error) {
	path, err := e.existing(t)
	if err != nil {
		return 0, err
	}
	db := sql.OpenDB(connector{
		dsn:    dsn(path, "mode=rw&_txlock=immediate&_synchronous=full&_foreign_keys=0"),
		verify: ownedBy(t),
	})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return 0, fmt.Errorf("open %s: %w", t.Database, unavailable(hindered(path, err)))
	}
	return migrate.Up(ctx, db, Dialect, e.schema.Migrations[Dialect])
}

// existing is the path of the tenant's file, which is there and a plain file.
func (e *Engine) existing(t *tenants.Tenant) (string, error) {
	name, err := fileName(t)
	if err != nil {
		return "", err
	}
	info, err := e.files.lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", e.missing(t, name)
	case err != nil:
		return "", fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%w: %s", tenants.ErrUnavailable, notPlain(name, info))
	}
	return e.files.path(name), nil
}

// notPlain says what is in the place of a database.
func notPlain(name string, info fs.FileInfo) string {
	if info.Mode()&fs.ModeSymlink != 0 {
		return name + " is a symbolic link and must be the file itself; the folder may be a link"
	}
	return name + " is no plain file"
}

// missing is the error for a file that is not there.
func (e *Engine) missing(t *tenants.Tenant, name string) error {
	if kept, err := e.files.exists(trashName(t)); err != nil || kept {
		return errors.Join(fmt.Errorf("%w: file %s is in the trash", tenants.ErrUnavailable, name), err)
	}
	return fmt.Errorf("%w: %w: file %s is missing", tenants.ErrUnavailable, tenants.ErrNoDatabase, name)
}

const (
	tenantsDir   = "tenants"
	templatesDir = "templates"
	trashDir     = "trash"
)

// databasePattern is what a database may be called: an id and an ending. Names
// never come from outside (PITFALLS, SQLite: file names are URIs).
var databasePattern = regexp.MustCompile(`^[0-9a-z]{26}\.db$`)

// fileName is the tenant's file within the data folder.
func fileName(t *tenants.Tenant) (string, error) {
	if !databasePattern.MatchString(t.Database) {
		return "", fmt.Errorf("%w: %q is no name of a database file", tenants.ErrUnavailable, t.Database)
	}
	return filepath.Join(tenantsDir, t.Database), nil
}

// DatabaseName is the name that a new tenant's database gets.
func (e *Engine) DatabaseName(id string) string { return id + ".db" }
