package models_test

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

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

// engine is what the tests need to know of a kind of database.
type engine struct {
	dialect string
	goose   goose.Dialect
	// open makes an empty database that is gone when the test ends.
	open func(testing.TB) database
}

// database is a database of one test, through gorm and under it.
type database struct {
	gorm *gorm.DB
	sql  *sql.DB
}

func sqliteEngine() engine {
	return engine{"sqlite", goose.DialectSQLite3, openSQLite}
}

func postgresEngine() engine {
	return engine{"postgres", goose.DialectPostgres, openPostgres}
}

// eachEngine runs the test on every engine at once.
func eachEngine(t *testing.T, test func(*testing.T, engine)) {
	t.Helper()
	for _, e := range []engine{sqliteEngine(), postgresEngine()} {
		t.Run(e.dialect, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// eachSchema runs the test on every engine with every schema.
func eachSchema(t *testing.T, test func(*testing.T, engine, tenants.Schema)) {
	t.Helper()
	eachEngine(t, func(t *testing.T, e engine) {
		for name, schema := range schemas() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, e, schema)
			})
		}
	})
}

func schemas() map[string]tenants.Schema {
	return map[string]tenants.Schema{"master": tenants.MasterSchema(), "workspace": models.Workspace()}
}

func openSQLite(t testing.TB) database {
	t.Helper()
	dsn := sqliteDSN(filepath.Join(t.TempDir(), "test.db"))
	pool, err := sql.Open(sqliteDriver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	return openGORM(t, sqlite.New(sqlite.Config{DriverName: sqliteDriver, Conn: pool}), pool)
}

func openPostgres(t testing.TB) database {
	t.Helper()
	config, err := pgx.ParseConfig(pgcluster.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(readTimesAsUTC))
	return openGORM(t, postgres.New(postgres.Config{Conn: pool}), pool)
}

// readTimesAsUTC is needed since pgx gives a timestamptz in the zone of the
// machine.
func readTimesAsUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}

func openGORM(t testing.TB, dialector gorm.Dialector, pool *sql.DB) database {
	t.Helper()
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, NowFunc: now})
	if err != nil {
		t.Fatal(err)
	}
	return database{db, pool}
}

// now has the precision of Postgres, so that what was written is what is read.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// migrated is a new database with the tables that the migrations make.
func migrated(t testing.TB, e engine, schema tenants.Schema) database {
	t.Helper()
	db := e.open(t)
	migrate(t, e, db, schema.Migrations[e.dialect])
	return db
}

// autoMigrated is a new database with the tables that gorm makes of the models.
func autoMigrated(t testing.TB, e engine, schema tenants.Schema) database {
	t.Helper()
	db := e.open(t)
	if err := db.gorm.AutoMigrate(schema.Models...); err != nil {
		t.Fatalf("make tables of the models: %v", err)
	}
	return db
}

func migrate(t testing.TB, e engine, db database, migrations fs.FS) {
	t.Helper()
	up(t, provider(t, e, db, migrations))
}

func up(t testing.TB, migrations *goose.Provider) {
	t.Helper()
	if _, err := migrations.Up(t.Context()); err != nil {
		t.Fatalf("migrate up: %v", err)
	}
}

func provider(t testing.TB, e engine, db database, migrations fs.FS) *goose.Provider {
	t.Helper()
	p, err := goose.NewProvider(e.goose, db.sql, migrations, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatalf("read the migrations: %v", err)
	}
	return p
}

func create(t testing.TB, db database, row any) {
	t.Helper()
	if err := db.gorm.Create(row).Error; err != nil {
		t.Fatalf("create %T: %v", row, err)
	}
}
