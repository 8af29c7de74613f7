package tenants_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// unmade is a tenant without a database, which is dropped when the test ends.
func unmade(t *testing.T, env *tenantstest.Env) *tenants.Tenant {
	t.Helper()
	id := strings.ToLower(ulid.Make().String())
	tenant := &tenants.Tenant{ID: id, Subdomain: "adopted", Database: env.Engine.DatabaseName(id), Epoch: 1}
	var err error
	tenant.Credentials, err = env.Engine.NewCredentials(id)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := env.Engine.Drop(ctx, tenant); err != nil {
			t.Error(err)
		}
	})
	return tenant
}

// sourceOf names a tenant's database as an operator does.
func sourceOf(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) string {
	t.Helper()
	if env.Kind == tenantstest.SQLite {
		return "sqlite:" + filepath.Join(env.Dir, "tenants", tenant.Database)
	}
	u, err := url.Parse(pgcluster.URL(t))
	must(t, err)
	u.Path = "/" + tenant.Database
	return u.String()
}

// sources returns an Env with tenants that env's tenants can adopt: a source is a database.
func sources(t *testing.T, env *tenantstest.Env, o tenantstest.Options) *tenantstest.Env {
	t.Helper()
	if env.Placement != tenants.PlacementSchema && o.Schema.Models == nil {
		return env
	}
	o.Engine = env.Kind
	return tenantstest.New(t, o)
}

// alter changes a tenant's database as its owner may.
func alter(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, statement string) {
	t.Helper()
	if env.Kind == tenantstest.Postgres {
		env.Alter(t, tenant, statement)
		return
	}
	handle(t, env, tenant, func(db *gorm.DB) error {
		for each := range strings.SplitSeq(strings.TrimRight(statement, "; \n"), ";") {
			if err := db.Exec(each).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

func wantFolders(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, want ...string) {
	t.Helper()
	handle(t, env, tenant, func(db *gorm.DB) error {
		var got []string
		err := db.Model(&notes.Folder{}).Order("id").Pluck("name", &got).Error
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("folders %q, want %q", got, want)
		}
		return err
	})
}

// fill gives a tenant rows in tables that refer to each other, of which the last
// folder is gone: its number must not come again.
func fill(db *gorm.DB) error {
	for _, name := range []string{"one", "two", "gone"} {
		if err := db.Create(&notes.Folder{Name: name}).Error; err != nil {
			return err
		}
	}
	author := &notes.Person{Email: "ada@example.com", Name: "Ada; \\N\t\"'"}
	if err := db.Create(author).Error; err != nil {
		return err
	}
	due := time.Date(2026, time.February, 3, 0, 0, 0, 0, time.UTC)
	note := &notes.Note{FolderID: 2, AuthorID: &author.ID, Text: "nöte", Kind: "task", DueOn: &due}
	if err := db.Create(note).Error; err != nil {
		return err
	}
	return db.Delete(&notes.Folder{}, "name = ?", "gone").Error
}

// TestAdoptCopies adopts another tenant's database while that one is in use, and
// then changes each of the two.
func TestAdoptCopies(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		from := sources(t, env, tenantstest.Options{})
		source, tenant := from.Tenant(t, "source"), unmade(t, env)
		handle(t, from, source, func(db *gorm.DB) error {
			if err := fill(db); err != nil {
				return err
			}
			return db.Transaction(func(tx *gorm.DB) error { // which is not committed yet
				if err := tx.Create(&notes.Folder{Name: "unseen"}).Error; err != nil {
					return err
				}
				for range 2 {
					version, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, from, source))
					if err != nil || version != env.Engine.SchemaVersion() {
						t.Errorf("adopted version %d, %v", version, err)
					}
				}
				return nil
			})
		})
		wantFolders(t, from, source, "one", "two", "unseen")
		wantFolders(t, env, tenant, "one", "two")
		handle(t, env, tenant, func(db *gorm.DB) error {
			var note notes.Note
			if err := db.Take(&note).Error; err != nil || note.Text != "nöte" || note.FolderID != 2 || note.DueOn.Format(time.DateOnly) != "2026-02-03" {
				t.Errorf("note %+v, %v", note, err)
			}
			later := &notes.Folder{Name: "later"}
			err := db.Create(later).Error
			if later.ID <= 3 {
				t.Errorf("number %d was given again", later.ID)
			}
			if db.Delete(&notes.Folder{}, 2).Error != nil || !errors.Is(db.Take(&note).Error, gorm.ErrRecordNotFound) {
				t.Error("the foreign key is gone")
			}
			return err
		})
		wantFolders(t, from, source, "one", "two", "unseen")
		wantKinds(t, surveyed(t, env, tenant), kinds(env)...)
		must(t, env.Engine.Trash(t.Context(), tenant))
		_, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, from, source))
		wantUnavailable(t, "adopt what is in the trash", err)
	})
}

// kinds returns the kinds of a tenant's objects on its server.
func kinds(env *tenantstest.Env) []tenants.ObjectKind {
	if env.Kind == tenantstest.Postgres {
		return []tenants.ObjectKind{tenants.ObjectDatabase, tenants.ObjectRole}
	}
	return []tenants.ObjectKind{tenants.ObjectDatabase}
}

// older is the schema of notes before its last migrations.
func older(version int64) tenants.Schema {
	schema := notes.Schema()
	for dialect, all := range schema.Migrations {
		schema.Migrations[dialect] = migrate.UpTo(all, version)
	}
	return schema
}

func TestAdoptAnOlderVersion(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		before := sources(t, env, tenantstest.Options{Schema: older(1)})
		source, tenant := before.Tenant(t, "source"), unmade(t, env)
		mark(t, before, source)
		version, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, before, source))
		if err != nil || version != 1 {
			t.Fatalf("adopted version %d, %v", version, err)
		}
		wantFolders(t, env, tenant, source.ID)
		version, err = env.Engine.Migrate(t.Context(), tenant)
		if err != nil || version != env.Engine.SchemaVersion() {
			t.Errorf("migrated to %d, %v", version, err)
		}
		handle(t, env, tenant, func(db *gorm.DB) error { return db.Find(&[]notes.Note{}, "NOT pinned").Error })

		if env.Placement == tenants.PlacementSchema { // a source is a database
			return
		}
		_, err = before.Engine.Adopt(t.Context(), unmade(t, before), sourceOf(t, env, tenant))
		wantSchemaError(t, err, fmt.Sprintf("migration %d: this program's last one is 1", env.Engine.SchemaVersion()))
	})
}

func wantSchemaError(t *testing.T, err error, want string) {
	t.Helper()
	var schema *tenants.SchemaError
	if !errors.As(err, &schema) || !errors.Is(err, tenants.ErrSchema) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a SchemaError with %q", err, want)
	}
	if schema != nil && len(schema.Differences) > 21 {
		t.Errorf("%d differences", len(schema.Differences))
	}
}

// wantNothing expects that an adoption which failed has left nothing.
func wantNothing(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	wantKinds(t, surveyed(t, env, tenant))
	_, err := env.Engine.Open(t.Context(), tenant)
	wantUnavailable(t, "open", err)
}

func TestAdoptRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	many := strings.Builder{}
	for c := 'a'; c <= 'z'; c++ {
		many.WriteString("CREATE TABLE x" + string(c) + " (id integer);")
	}
	for name, test := range map[string]struct{ alter, want string }{
		"table too many":    {"CREATE TABLE extra (id integer)", "table extra"},
		"table missing":     {"DROP TABLE notes", "table notes"},
		"column too many":   {"ALTER TABLE folders ADD COLUMN extra text", "table folders, column extra: only in the source"},
		"column missing":    {"ALTER TABLE notes DROP COLUMN due_on", "table notes, column due_on: only in the migrations"},
		"index too many":    {"CREATE INDEX extra_idx ON notes (text)", "table notes, index extra_idx: only in the source"},
		"index missing":     {"DROP INDEX notes_author_idx", "table notes, index notes_author_idx: only in the migrations"},
		"view":              {"CREATE VIEW extra AS SELECT id FROM people", "extra: only in the source"},
		"migration missing": {"DELETE FROM goose_db_version WHERE version_id = 1", "migration 1: only in the migrations"},
		"version twice":     {"INSERT INTO goose_db_version (version_id, is_applied) SELECT 1000, true", "migration 1000"},
		"no version":        {"DROP TABLE goose_db_version", "table goose_db_version"},
		"many":              {many.String(), "and "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenantstest.Each(t, tenantstest.Options{OnePlacement: name != "view"}, func(t *testing.T, env *tenantstest.Env) {
				from := sources(t, env, tenantstest.Options{})
				source, tenant := from.Tenant(t, "source"), unmade(t, env)
				alter(t, from, source, test.alter)
				_, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, from, source))
				wantSchemaError(t, err, test.want)
				wantNothing(t, env, tenant)
			})
		})
	}
}

// TestAdoptRefusesBrokenRows has rows that the schema forbids.
func TestAdoptRefusesBrokenRows(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		from := sources(t, env, tenantstest.Options{})
		source, tenant := from.Tenant(t, "source"), unmade(t, env)
		const insert = "INSERT INTO notes (folder_id, text, kind, created_at) VALUES (77, 't', 'idea', '2026-01-01')"
		if env.Kind == tenantstest.Postgres {
			alter(t, from, source, "ALTER TABLE notes DISABLE TRIGGER ALL; "+insert+"; ALTER TABLE notes ENABLE TRIGGER ALL")
		} else {
			alterFile(t, from, source, "PRAGMA foreign_keys=OFF", insert)
		}
		_, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, from, source))
		wantSourceError(t, err, "table notes has rows", false)
		wantNothing(t, env, tenant)
	})
}

// alterFile changes a file without the guards of Open, on one connection.
func alterFile(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant, statements ...string) {
	t.Helper()
	conns, err := env.Engine.Open(t.Context(), tenant)
	must(t, err)
	var conn *sql.Conn
	conn, err = conns.Write.Conn(t.Context())
	must(t, err)
	for _, statement := range statements {
		_, err := conn.ExecContext(t.Context(), statement)
		must(t, err)
	}
	must(t, errors.Join(conn.Close(), conns.Close()))
}

func wantSourceError(t *testing.T, err error, want string, passing bool) {
	t.Helper()
	var source *tenants.SourceError
	if !errors.As(err, &source) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want a SourceError with %q", err, want)
	}
	if got := errors.Is(err, tenants.ErrUnavailable); got != passing {
		t.Errorf("%v: passing is %v", err, got)
	}
	if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "SQLSTATE")) {
		t.Errorf("%v tells too much", err)
	}
}

// secret is in no error.
const secret = "hunter2"

func TestAdoptRefusesSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, errors.Join(
		os.WriteFile(filepath.Join(dir, "text.db"), []byte(strings.Repeat("no database ", 100)), 0o600),
		os.WriteFile(filepath.Join(dir, "empty.db"), nil, 0o600),
	))
	tests := map[tenantstest.Engine][]struct {
		source, want string
		passing      bool
	}{
		tenantstest.SQLite: {
			{"postgres://user:" + secret + "@localhost/db", "must be sqlite:PATH", false},
			{"", "must be sqlite:PATH", false},
			{"sqlite:", "must be sqlite:PATH", false},
			{dir + "/text.db", "must be sqlite:PATH", false},
			{"sqlite:" + dir + "/missing.db", "there is no file " + dir + "/missing.db", false},
			{"sqlite:" + dir, "is not a regular file", false},
			{"sqlite:" + dir + "/text.db", "is not a SQLite database", false},
		},
		tenantstest.Postgres: {
			{"sqlite:" + dir + "/text.db", "must be postgres://", false},
			{"", "must be postgres://", false},
			{"postgres://user:" + secret + "/x@localhost/db", "its URL can't be used", false},
			{"postgres://user:" + secret + "@127.0.0.1:1/db", "no connection to 127.0.0.1:1", true},
		},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := unmade(t, env)
		for _, test := range tests[env.Kind] {
			_, err := env.Engine.Adopt(t.Context(), tenant, test.source)
			wantSourceError(t, err, test.want, test.passing)
		}
		wantNothing(t, env, tenant)
		tenant.Database = "../" + tenant.Database
		_, err := env.Engine.Adopt(t.Context(), tenant, sourceOf(t, env, env.Tenant(t, "source")))
		wantUnavailable(t, "adopt by a wrong name", err)
		tenant.Database = env.Engine.DatabaseName(tenant.ID)
	})
}
