package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest/notes"
)

func TestRealErrorsAreTranslated(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	if err := db.Create(&notes.Folder{Name: "one"}).Error; err != nil {
		t.Fatal(err)
	}
	raise := func(state string) func(*gorm.DB) error {
		return func(tx *gorm.DB) error {
			return tx.Exec("DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '" + state + "'; END $$").Error
		}
	}
	for name, test := range map[string]struct {
		run  func(tx *gorm.DB) error
		want error
	}{
		"unique": {func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "one"}).Error }, gorm.ErrDuplicatedKey},
		"foreign key": {func(tx *gorm.DB) error {
			return tx.Create(&notes.Note{FolderID: 99, Text: "x", Kind: "task"}).Error
		}, gorm.ErrForeignKeyViolated},
		"check":         {func(tx *gorm.DB) error { return tx.Create(&notes.Person{Email: "a"}).Error }, gorm.ErrCheckConstraintViolated},
		"not null":      {func(tx *gorm.DB) error { return tx.Exec("INSERT INTO folders DEFAULT VALUES").Error }, gorm.ErrCheckConstraintViolated},
		"serialization": {raise("40001"), tenants.ErrRetryable},
		"deadlock":      {raise("40P01"), tenants.ErrRetryable},
		"disk full":     {raise("53100"), tenants.ErrFull},
		"no more slots": {raise("53300"), tenants.ErrUnavailable},
		"signed out":    {raise("28000"), tenants.ErrUnavailable},
		"I/O error":     {raise("58030"), tenants.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			err := db.Transaction(test.run)
			wantError(t, name, err, test.want)
			var cause *pgconn.PgError
			if !errors.As(err, &cause) {
				t.Errorf("%v lost its cause", err)
			}
		})
	}
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	var folder notes.Folder
	if err := db.First(&folder).Error; err != gorm.ErrRecordNotFound {
		t.Errorf("no record: %#v", err)
	}
	err := db.Exec("SELECT nothing").Error
	if _, ok := err.(*pgconn.PgError); !ok {
		t.Errorf("a wrong statement: %#v", err)
	}
}

func TestLockTimeoutIsRetryable(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	holder := db.Begin()
	defer holder.Rollback()
	if err := holder.Exec("LOCK TABLE folders").Error; err != nil {
		t.Fatal(err)
	}
	err := db.Transaction(func(tx *gorm.DB) error { return tx.Exec("LOCK TABLE folders NOWAIT").Error })
	wantError(t, "lock", err, tenants.ErrRetryable)
}

func TestSerializationFailureIsRetryable(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	if err := db.Create(&notes.Folder{ID: 1, Name: "one"}).Error; err != nil {
		t.Fatal(err)
	}
	err := db.Transaction(func(tx *gorm.DB) error {
		var folder notes.Folder
		if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").First(&folder, 1).Error; err != nil {
			return err
		}
		if err := db.Model(&folder).Update("name", "two").Error; err != nil {
			return err
		}
		return tx.Model(&folder).Update("name", "three").Error
	})
	wantError(t, "update", err, tenants.ErrRetryable)
}

// TestDeferredViolationIsTranslated: some violations come up only at COMMIT.
func TestDeferredViolationIsTranslated(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	change(t, e, tenant, "ALTER TABLE notes ALTER CONSTRAINT notes_folder_id_fkey DEFERRABLE INITIALLY DEFERRED")
	db := handle(t, e, tenant)
	tx := db.Begin()
	if err := tx.Create(&notes.Note{FolderID: 99, Text: "x", Kind: "task"}).Error; err != nil {
		t.Fatal(err)
	}
	wantError(t, "commit", tx.Commit().Error, gorm.ErrForeignKeyViolated)
}

func TestContextErrorsStayRecognizable(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	for want, begin := range map[error]func() (context.Context, context.CancelFunc){
		context.DeadlineExceeded: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		},
		context.Canceled: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		// The statement is what must be interrupted, not a connect: the one before broke its connection.
		if err := db.Exec("SELECT 1").Error; err != nil {
			t.Fatal(err)
		}
		ctx, cancel := begin()
		err := db.WithContext(ctx).Exec("SELECT pg_sleep(60)").Error
		cancel()
		wantError(t, "statement", err, want)
		if errors.Is(err, tenants.ErrUnavailable) {
			t.Errorf("%v blames the database", err)
		}
	}
}

// TestKilledBackend ends the session of a transaction under way, as a restart
// of the server does.
func TestKilledBackend(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	db := handle(t, e, tenant)
	for name, use := range map[string]func(tx *gorm.DB) error{
		"commit":    func(tx *gorm.DB) error { return tx.Commit().Error },
		"statement": func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "lost too"}).Error },
		"query":     func(tx *gorm.DB) error { return tx.Find(&[]notes.Folder{}).Error },
	} {
		tx := db.Begin()
		if err := tx.Create(&notes.Folder{Name: "lost"}).Error; err != nil {
			t.Fatal(err)
		}
		if killed := kill(t, e, tenant.Database); killed != "1" {
			t.Fatalf("%s sessions killed", killed)
		}
		wantError(t, name, use(tx), tenants.ErrUnavailable)
		if name != "commit" {
			tx.Rollback()
		}
		var folders []notes.Folder
		if err := db.Find(&folders).Error; err != nil || len(folders) != 0 {
			t.Errorf("%s: %d folders afterwards, %v", name, len(folders), err)
		}
	}
}

// TestConnectionCutWhileUnusedIsReplaced: no caller sees that the server was
// restarted while its connections were unused.
func TestConnectionCutWhileUnusedIsReplaced(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	conns := opened(t, e, tenant)
	for range 4 {
		if killed := kill(t, e, tenant.Database); killed != "1" {
			t.Fatalf("%s sessions killed", killed)
		}
		tx, err := conns.Write.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

// kill ends all sessions on a database and returns how many there were, once
// they are gone.
func kill(t *testing.T, e *Engine, database string) string {
	t.Helper()
	return ask(t, e, "SELECT count(pg_terminate_backend(pid, 10000))::text FROM pg_stat_activity WHERE datname = $1", database)
}

func TestSavepointsWork(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	err := db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&notes.Folder{Name: "outer"}).Error; err != nil {
			return err
		}
		inner := tx.Transaction(func(tx *gorm.DB) error { return tx.Create(&notes.Folder{Name: "outer"}).Error })
		wantError(t, "nested transaction", inner, gorm.ErrDuplicatedKey)
		return nil
	})
	var folders []notes.Folder
	if err := errors.Join(err, db.Find(&folders).Error); err != nil || len(folders) != 1 {
		t.Errorf("%d folders, %v", len(folders), err)
	}
}

func TestMigratorWorks(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	columns, err := db.Migrator().ColumnTypes(&notes.Folder{})
	if err != nil || len(columns) != 5 || !db.Migrator().HasTable("folders") {
		t.Errorf("%d columns, %v", len(columns), err)
	}
}

func TestTranslate(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("statement: %w", &pgconn.PgError{Code: code}) }
	other := errors.New("other")
	for _, test := range []struct {
		err, want error
	}{
		{state("57P03"), tenants.ErrUnavailable},
		{state("3D000"), tenants.ErrUnavailable},
		{state("08006"), tenants.ErrUnavailable},
		{state("54000"), nil}, // a program limit is not a full disk
		{state("42P01"), nil},
		{state(""), nil},
		{io.ErrUnexpectedEOF, tenants.ErrUnavailable},
		{pgconn.ErrConnClosed, tenants.ErrUnavailable},
		{pgx.ErrTxCommitRollback, nil},
		{context.Canceled, nil},
		{context.DeadlineExceeded, nil},
		{other, nil},
		{nil, nil},
	} {
		got := translate(test.err)
		if test.want == nil {
			if got != test.err {
				t.Errorf("%v became %v", test.err, got)
			}
			continue
		}
		wantError(t, "translated", got, test.want, test.err)
		if again := translate(got); again != got {
			t.Errorf("translated twice: %v", again)
		}
	}
}
