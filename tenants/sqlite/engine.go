// Package sqlite keeps each tenant's database in a file of its own. It also opens a master database in
// a file.
//
//	engine.go      the options of an engine, and what it has
//	folders.go     opens files only inside the engine's folders; location.go, where a tenant's should be and are
//	create.go      creates databases; template.go, from a template
//	connect.go     opens connections; watched.go checks that the file is still the one that was opened
//	session.go     what a statement may do to a connection
//	interrupt.go   ends a statement with its context
//	checkpoint.go  checkpoints what is left when a handle closes
//	giveback.go    gives memory back to the system when handles have closed
//	translate.go   turns SQLite's errors into those of package tenants; obstacle.go says why a file can't be opened
//	drop.go        removes databases; trash.go keeps them for a while, discard.go removes what is left of unfinished work
//	adopt.go       makes tenants from files; source.go copies a file that may be in use
//	moveacross.go  moves files between file systems
//	load.go        makes them from rows; rows.go and rowfile.go, writerows.go
//	portable.go    writes them into portable files; portablecontents.go, with their files
//	snapshot.go    reads a database while it changes; walfile.go
//	keepcopy.go    keeps copies from before a migration; copyage.go, and tells what changed since
//	rehearse.go    tries migrations on copies
//	changes.go     tells what changed between two reads
//	examine.go     looks at a database; schema.go at its tables
//	survey.go      lists what lies in the folders
//	mend.go        mends a database
//	size.go        measures them; space.go
//	presence.go    shows which processes are alive
//	master.go      opens a master database
//	driver_cgo.go  what the driver is asked for beside database/sql; driver_purego.go, without cgo; direct.go makes connections small
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Dialect is the key of this engine's migrations in tenants.Schema.Migrations.
const Dialect = "sqlite"

// Config configures an Engine.
type Config struct {
	// Dir is the data folder, with tenants/, templates/ and trash/. It is created, 0700, if missing.
	Dir string
	// Schema is the schema of the tenants' databases.
	Schema tenants.Schema
	// Durability says what a commit survives. Defaults to Full.
	Durability Durability
	// Readers limits the number of connections that read a tenant at once. Defaults to 4.
	Readers int
	// Log gets slow statements. Defaults to slog.Default().
	Log *slog.Logger
}

// Durability says what a commit survives.
type Durability string

const (
	// Full means that a commit survives a power failure. It is the default.
	Full Durability = "full"
	// Normal means that a commit survives the end of the process. The last commits may be lost in a
	// power failure, but the database stays intact.
	Normal Durability = "normal"
)

// Engine is a tenants.Engine on a folder of files. It is safe for concurrent use.
type Engine struct {
	files    folders
	base     *gorm.DB
	schema   tenants.Schema
	version  int64
	versions migrate.Versions
	config   Config

	templateMu sync.Mutex // protects template
	template   *template  // nil until a tenant was created

	memory giver

	currentMu sync.Mutex // protects current
	current   madeSchema // empty until a tenant was examined
}

var _ tenants.Engine = (*Engine)(nil)

// New opens the data folder. The caller must close the engine, after all handles.
func New(c Config) (*Engine, error) {
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.Durability == "" {
		c.Durability = Full
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	versions, err := c.Schema.Versions(Dialect)
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
	return &Engine{files: files, base: base, schema: c.Schema, version: versions.Newest, versions: versions, config: c}, nil
}

// openBase opens gorm on an in-memory database, which is needed only while gorm initializes.
func openBase(schema tenants.Schema, log *slog.Logger) (*gorm.DB, error) {
	memory := sql.OpenDB(connector{dsn: dsn(":memory:", "")})
	defer memory.Close()
	return tenants.OpenBase(newDialector(memory), schema.Models, log)
}

// Dialect returns "sqlite".
func (e *Engine) Dialect() string { return Dialect }

// Base returns the *gorm.DB from which handles are cloned.
func (e *Engine) Base() *gorm.DB { return e.base }

// SchemaVersion returns the version of the last migration.
func (e *Engine) SchemaVersion() int64 { return e.version }

// Versions returns the schema versions that this build serves.
func (e *Engine) Versions() migrate.Versions { return e.versions }

// NewCredentials returns nil: whoever may read the file may open it.
func (e *Engine) NewCredentials(string) ([]byte, error) { return nil, nil }

// Identity returns the folder's path without links.
func (e *Engine) Identity(context.Context) (string, error) { return filepath.EvalSymlinks(e.files.dir) }

// Close gives back memory. The engine holds nothing open between calls.
func (e *Engine) Close() error { e.memory.stop(); return nil }

// readerIdle is how long an unused reading connection stays open.
const readerIdle = time.Minute

// Open opens the tenant's file for one writer and several readers. It opens connections only when they
// are needed: a tenant that is only read has no writer.
func (e *Engine) Open(ctx context.Context, t *tenants.Tenant) (*tenants.Conns, error) {
	path, info, err := e.existingFile(t)
	if err != nil {
		return nil, err
	}
	file := &fileAt{path, info}
	var version atomic.Int64 // each connection that reads sets it
	sync := "&_synchronous=" + string(e.config.Durability)
	read := sql.OpenDB(connector{dsn: dsn(path, readerParams), guarded: true, file: file, verify: ownedAndServable(t, &version)})
	read.SetMaxOpenConns(e.config.Readers)
	read.SetMaxIdleConns(e.config.Readers)
	read.SetConnMaxIdleTime(readerIdle)
	write := sql.OpenDB(checkpointingConnector{connector{
		dsn: dsn(path, "mode=rw&_txlock=immediate"+sync), guarded: true, file: file, verify: ownedBy(t),
	}, e.memory.handleClosed})
	write.SetMaxOpenConns(1)

	conns := &tenants.Conns{Write: write, Read: read, Place: tenants.InProcess, Check: file.check}
	if err := read.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", t.Database, unavailable(explainOpen(path, err))), conns.Close())
	}
	conns.Version = version.Load()
	return conns, nil
}

// Migrate runs the migrations over one connection, with foreign keys off, so that a migration can
// rebuild a table (PITFALLS, GORM: AutoMigrate).
func (e *Engine) Migrate(ctx context.Context, t *tenants.Tenant) (version int64, err error) {
	return e.inMigration(ctx, t, func(db *sql.DB) (int64, error) {
		return migrate.Up(ctx, db, Dialect, e.schema.Migrations[Dialect])
	})
}

// MigrateDown undoes migrations, over one connection as Migrate.
func (e *Engine) MigrateDown(ctx context.Context, t *tenants.Tenant, to int64) (version int64, err error) {
	return e.inMigration(ctx, t, func(db *sql.DB) (int64, error) {
		return migrate.Down(ctx, db, Dialect, e.schema.Migrations[Dialect], to)
	})
}

// inMigration calls do with a connection of its own to the tenant's file.
func (e *Engine) inMigration(ctx context.Context, t *tenants.Tenant, do func(*sql.DB) (int64, error)) (version int64, err error) {
	path, err := e.existingPath(t)
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
		return 0, fmt.Errorf("open %s: %w", t.Database, unavailable(explainOpen(path, err)))
	}
	version, err = do(db)
	return version, dialector{}.Translate(err)
}

// existingPath returns the path of the tenant's file. Returns an error unless it is a regular file.
func (e *Engine) existingPath(t *tenants.Tenant) (string, error) {
	path, _, err := e.existingFile(t)
	return path, err
}

// existingFile is existingPath that also returns the file's info.
func (e *Engine) existingFile(t *tenants.Tenant) (string, fs.FileInfo, error) {
	name, err := fileName(t)
	if err != nil {
		return "", nil, err
	}
	path := e.files.path(name)
	info, err := os.Lstat(path) // the name leads nowhere else
	if errors.Is(err, fs.ErrNotExist) {
		info, err = e.files.lstat(name) // which knows whether the folder is missing
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, e.missingError(t, name)
	case err != nil:
		return "", nil, fmt.Errorf("%w: %w", tenants.ErrUnavailable, err)
	case !info.Mode().IsRegular():
		return "", nil, fmt.Errorf("%w: %s", tenants.ErrUnavailable, notRegular(name, info))
	}
	return path, info, nil
}

// notRegular describes what is at the name of a database instead of a regular file.
func notRegular(name string, info fs.FileInfo) string {
	if info.Mode()&fs.ModeSymlink != 0 {
		return name + " is a symbolic link and must be the file itself; only its folder may be a link"
	}
	return name + " is not a regular file"
}

// missingError returns the error for a tenant's file that doesn't exist.
func (e *Engine) missingError(t *tenants.Tenant, name string) error {
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

// databasePattern matches the names of databases: an id and .db. Names never come from outside
// (PITFALLS, SQLite: file names are URIs).
var databasePattern = regexp.MustCompile(`^[0-9a-z]{26}\.db$`)

// fileName returns the path of the tenant's file in the data folder.
func fileName(t *tenants.Tenant) (string, error) {
	if !databasePattern.MatchString(t.Database) {
		return "", fmt.Errorf("%w: %q is not the name of a database file", tenants.ErrUnavailable, t.Database)
	}
	return filepath.Join(tenantsDir, t.Database), nil
}

// DatabaseName returns the name for a new tenant's database.
func (e *Engine) DatabaseName(id string) string { return id + ".db" }
