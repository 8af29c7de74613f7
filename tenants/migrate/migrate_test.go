package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib"

	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest/pgcluster"
)

// engine makes empty databases of one dialect. Each open of one is a pool of
// its own, as another process has.
type engine struct {
	dialect string
	create  func(t *testing.T) (open func() *sql.DB)
}

func engines() []engine {
	return []engine{
		{"sqlite", func(t *testing.T) func() *sql.DB {
			file := filepath.Join(t.TempDir(), "test.db")
			return func() *sql.DB { return openSQLite(t, file) }
		}},
		{"postgres", func(t *testing.T) func() *sql.DB {
			url := pgcluster.Database(t)
			return func() *sql.DB { return opened(t, "pgx", url) }
		}},
	}
}

func opened(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// onEngines runs a test on a new database of each engine.
func onEngines(t *testing.T, test func(t *testing.T, dialect string, open func() *sql.DB)) {
	t.Parallel()
	for _, engine := range engines() {
		t.Run(engine.dialect, func(t *testing.T) {
			t.Parallel()
			test(t, engine.dialect, engine.create(t))
		})
	}
}

const (
	one   = "-- +goose Up\nCREATE TABLE one (n integer);\nINSERT INTO one VALUES (1);\n"
	two   = "-- +goose Up\nINSERT INTO one VALUES (2);\n"
	three = "-- +goose Up\nINSERT INTO one VALUES (3);\n"
)

func TestUpAppliesWhatIsMissing(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		db := open()
		steps := []struct {
			fsys fs.FS
			want int64
		}{
			{folder("1_a.sql", one), 1},
			{folder("1_a.sql", one), 1},
			{folder("1_a.sql", one, "2_b.sql", two, "3_c.sql", three), 3},
			{folder("1_a.sql", one), 3}, // an older program
		}
		for i, step := range steps {
			if got, err := migrate.Up(t.Context(), db, dialect, step.fsys); got != step.want || err != nil {
				t.Fatalf("step %d: up gave %d, %v; want %d", i, got, err, step.want)
			}
			if got, err := migrate.Version(t.Context(), db, dialect, step.fsys); got != step.want || err != nil {
				t.Fatalf("step %d: version is %d, %v; want %d", i, got, err, step.want)
			}
		}
		wantRows(t, db, 3)
	})
}

func TestUpNeedsOneConnection(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		db := open()
		db.SetMaxOpenConns(1)
		if got, err := migrate.Up(t.Context(), db, dialect, folder("1_a.sql", one, "2_b.sql", two)); got != 2 || err != nil {
			t.Errorf("up gave %d, %v", got, err)
		}
	})
}

func TestVersionOfAnEmptyDatabaseChangesNothing(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		db := open()
		if got, err := migrate.Version(t.Context(), db, dialect, folder("1_a.sql", one)); got != 0 || err != nil {
			t.Errorf("version is %d, %v", got, err)
		}
		if _, err := db.ExecContext(t.Context(), "SELECT 1 FROM goose_db_version"); err == nil {
			t.Error("asking for the version made a table")
		}
	})
}

func TestFailedMigrationIsNamedAndUndone(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		db := open()
		fsys := folder("1_a.sql", one, "2_b.sql", two, "3_broken.sql", "-- +goose Up\nINSERT INTO one VALUES (3);\nINSERT INTO nowhere VALUES (1);\n")
		_, err := migrate.Up(t.Context(), db, dialect, fsys)
		if !matches(err, "apply migration 3_broken.sql: ") || !matches(err, "nowhere") {
			t.Errorf("error %v", err)
		}
		if dialect == "postgres" {
			var cause *pgconn.PgError
			if !errors.As(err, &cause) || cause.Code != "42P01" {
				t.Errorf("%v doesn't wrap Postgres' error", err)
			}
		}
		if got, err := migrate.Version(t.Context(), db, dialect, fsys); got != 2 || err != nil {
			t.Errorf("version is %d, %v", got, err)
		}
		wantRows(t, db, 2)
	})
}

func TestUnreadableMigrationIsNamed(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		db := open()
		_, err := migrate.Up(t.Context(), db, dialect, folder("1_a.sql", one, "2_broken.sql", "CREATE TABLE two (n integer);\n"))
		if !matches(err, "2_broken.sql") {
			t.Errorf("error %v", err)
		}
		if _, err := db.ExecContext(t.Context(), "SELECT 1 FROM one"); err == nil {
			t.Error("the migration before the unreadable one was applied")
		}
	})
}

// TestUpByManyAtOnce has each of many callers, with a pool of its own, apply
// migrations of which a second application would be seen.
func TestUpByManyAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		fsys := folder("1_a.sql", one, "2_b.sql", two, "3_c.sql", three)
		var callers sync.WaitGroup
		for range 6 {
			db := open()
			callers.Go(func() {
				if got, err := migrate.Up(t.Context(), db, dialect, fsys); got != 3 || err != nil {
					t.Errorf("up gave %d, %v", got, err)
				}
			})
		}
		callers.Wait()
		wantRows(t, open(), 3)
	})
}

func TestUpObeysTheContext(t *testing.T) {
	onEngines(t, func(t *testing.T, dialect string, open func() *sql.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := migrate.Up(ctx, open(), dialect, folder("1_a.sql", one)); !errors.Is(err, context.Canceled) {
			t.Errorf("up gave %v", err)
		}
	})
}

func TestUnknownDialectAndMissingMigrations(t *testing.T) {
	t.Parallel()
	db := openSQLite(t, filepath.Join(t.TempDir(), "test.db"))
	if _, err := migrate.Up(t.Context(), db, "oracle", folder("1_a.sql", one)); !matches(err, `"oracle"`) {
		t.Errorf("up gave %v", err)
	}
	if _, err := migrate.Version(t.Context(), db, "oracle", folder("1_a.sql", one)); !matches(err, `"oracle"`) {
		t.Errorf("version gave %v", err)
	}
	if _, err := migrate.Up(t.Context(), db, "sqlite", nil); !matches(err, "no migrations") {
		t.Errorf("up gave %v", err)
	}
	if _, err := migrate.Version(t.Context(), db, "sqlite", nil); !matches(err, "no migrations") {
		t.Errorf("version gave %v", err)
	}
}

// TestPostgresMigrationWaitsForLocksOnlySoLong has a migration write down its
// limit, and expects none on the connection afterwards.
func TestPostgresMigrationWaitsForLocksOnlySoLong(t *testing.T) {
	t.Parallel()
	db := opened(t, "pgx", pgcluster.Database(t))
	db.SetMaxOpenConns(1)
	fsys := folder("1_a.sql", "-- +goose Up\nCREATE TABLE seen AS SELECT current_setting('lock_timeout') AS during;\n")
	if _, err := migrate.Up(t.Context(), db, "postgres", fsys); err != nil {
		t.Fatal(err)
	}
	var during, after string
	err := db.QueryRowContext(t.Context(), "SELECT during, current_setting('lock_timeout') FROM seen").Scan(&during, &after)
	if err != nil || during != "3s" || after != "0" {
		t.Errorf("lock_timeout %q during the migration and %q after, %v", during, after, err)
	}
}

// TestPostgresMigrationWaitsInTurns has a session hold a lock. A reader that queues behind the migration goes on when
// the migration gives up for the first time, and the migration succeeds when the lock is released.
func TestPostgresMigrationWaitsInTurns(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	db := opened(t, "pgx", url)
	if _, err := migrate.Up(t.Context(), db, "postgres", folder("1_a.sql", one)); err != nil {
		t.Fatal(err)
	}
	holder, err := db.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = holder.ExecContext(t.Context(), "LOCK TABLE one IN ACCESS SHARE MODE")
	}
	if err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() {
		_, err := migrate.Up(t.Context(), opened(t, "pgx", url), "postgres", folder("1_a.sql", one, "2_b.sql", "-- +goose Up\nALTER TABLE one ADD COLUMN m integer;\n"))
		migrated <- err
	}()
	for queued := 0; queued == 0; {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_locks WHERE relation = 'one'::regclass AND NOT granted").Scan(&queued); err != nil {
			t.Fatal(err)
		}
	}
	wantRows(t, db, 1)
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
}

// TestPostgresInvalidIndexIsMadeAgain has rows that break CREATE INDEX CONCURRENTLY, which leaves an invalid index.
func TestPostgresInvalidIndexIsMadeAgain(t *testing.T) {
	t.Parallel()
	db := opened(t, "pgx", pgcluster.Database(t))
	fsys := folder("1_a.sql", one, "2_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"One key\" ON one (n);\n")
	if _, err := migrate.Up(t.Context(), db, "postgres", migrate.UpTo(fsys, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO one VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Up(t.Context(), db, "postgres", fsys); !errors.Is(err, migrate.ErrUnclear) {
		t.Errorf("up gave %v", err)
	}
	if names, err := migrate.InvalidIndexes(t.Context(), db); err != nil || len(names) != 1 || names[0] != `"One key"` {
		t.Errorf("invalid: %q, %v", names, err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM one; INSERT INTO one VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.Up(t.Context(), db, "postgres", fsys); err != nil {
		t.Error(err)
	}
	var valid bool
	if err := db.QueryRowContext(t.Context(), `SELECT indisvalid FROM pg_index WHERE indexrelid = '"One key"'::regclass`).Scan(&valid); err != nil || !valid {
		t.Errorf("valid: %t, %v", valid, err)
	}
}

// TestPostgresConnectionKeepsNoLock proves by a second pool that the advisory
// lock is given back, also after a failure.
func TestPostgresConnectionKeepsNoLock(t *testing.T) {
	t.Parallel()
	url := pgcluster.Database(t)
	broken := folder("1_broken.sql", "-- +goose Up\nSELECT nothing;\n")
	for range 2 {
		if _, err := migrate.Up(t.Context(), opened(t, "pgx", url), "postgres", broken); !matches(err, "1_broken.sql") {
			t.Fatalf("up gave %v", err)
		}
	}
	var held int
	err := opened(t, "pgx", url).QueryRowContext(t.Context(),
		"SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()").Scan(&held)
	if err != nil || held != 0 {
		t.Errorf("%d advisory locks held, %v", held, err)
	}
}

func wantRows(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	var rows, distinct int
	err := db.QueryRowContext(t.Context(), "SELECT count(*), count(DISTINCT n) FROM one").Scan(&rows, &distinct)
	if got := fmt.Sprint(rows, distinct, err); got != fmt.Sprint(want, want, nil) {
		t.Errorf("rows, distinct rows, error: %s; want %d of each", got, want)
	}
}
