package tenantstest

import (
	"context"
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"tenantry/tenants"
	"tenantry/tenants/shape"
	"tenantry/tenants/tenantstest/pgcluster"
)

// Migrated returns a new database with the tables of the schema's migrations. It belongs to no
// tenant: the connection may change the schema, and no scope guards it. It is removed when the
// test ends.
func Migrated(t testing.TB, engine Engine, schema tenants.Schema) *gorm.DB {
	t.Helper()
	s := openScratch(t, engine)
	migrations, err := s.migrations(schema)
	if err == nil {
		_, err = migrations.Up(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.gorm
}

// Empty returns a new database without tables, as Migrated does with those of a schema.
func Empty(t testing.TB, engine Engine) *gorm.DB {
	t.Helper()
	return openScratch(t, engine).gorm
}

// scratch is a database for one test of a schema.
type scratch struct {
	engine Engine
	sql    *sql.DB
	gorm   *gorm.DB
}

// openScratch creates an empty database, which is removed when the test ends.
func openScratch(t testing.TB, engine Engine) *scratch {
	t.Helper()
	engine = engine.Dialect()
	s := &scratch{engine: engine}
	var dialector gorm.Dialector
	if engine == SQLite {
		s.sql = openSQLiteFile(t)
		dialector = sqlite.New(sqlite.Config{DriverName: sqliteDriver, Conn: s.sql})
	} else {
		s.sql = openPostgresDatabase(t)
		dialector = postgres.New(postgres.Config{Conn: s.sql})
	}
	t.Cleanup(func() { report(t, s.sql.Close()) })
	var err error
	s.gorm, err = gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, NowFunc: now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// now returns the time with the precision of Postgres, so that a value is read as it was
// written.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func openSQLiteFile(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open(sqliteDriver, sqliteDSN(filepath.Join(tempDir(t), "scratch.db")))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

func openPostgresDatabase(t testing.TB) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(pgcluster.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	return stdlib.OpenDB(*config, stdlib.OptionAfterConnect(readTimesAsUTC))
}

// readTimesAsUTC makes pgx return a timestamptz in UTC instead of the machine's zone.
func readTimesAsUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

// migrations returns the schema's migrations for this database.
func (s *scratch) migrations(schema tenants.Schema) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if s.engine == Postgres {
		dialect = goose.DialectPostgres
	}
	return provider(dialect, s.sql, schema.Migrations[string(s.engine)])
}

func provider(dialect goose.Dialect, db *sql.DB, files fs.FS) (*goose.Provider, error) {
	return goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
}

// shape reads the schema without the table of applied migrations.
func (s *scratch) shape(ctx context.Context) (shape.Shape, error) {
	found, err := shape.Read(ctx, s.sql, string(s.engine))
	if err != nil {
		return nil, err
	}
	return found.Without("migration"), nil
}

// OpenSQLite opens a SQLite file with the driver of this build. It is closed when the test ends.
func OpenSQLite(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open(sqliteDriver, sqliteDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { report(t, db.Close()) })
	return db
}
