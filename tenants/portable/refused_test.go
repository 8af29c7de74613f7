package portable_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
)

// exec runs statements on a file.
func exec(t *testing.T, path string, statements ...string) {
	t.Helper()
	i := slices.IndexFunc(sql.Drivers(), func(name string) bool { return strings.HasPrefix(name, "sqlite") }) // the one that was built in
	db, err := sql.Open(sql.Drivers()[i], path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// change rewrites a file's content.
func change(t *testing.T, path string, f func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, f(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestRefused loads files that are not right. Each is refused with its reason, and leaves no database behind.
func TestRefused(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: sampleSchema()})
	source := env.Tenant(t, "source")
	fill(t, env, source, 50)
	good, _ := write(t, env, source, portable.Options{})
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"missing": {func(t *testing.T, path string) { remove(t, path) }, "there is no file"},
		"empty":   {func(t *testing.T, path string) { change(t, path, func([]byte) []byte { return nil }) }, "not a portable file"},
		"text": {func(t *testing.T, path string) {
			change(t, path, func([]byte) []byte { return bytes.Repeat([]byte("text"), 5000) })
		}, "not a SQLite database"},
		"truncated": {func(t *testing.T, path string) { change(t, path, func(c []byte) []byte { return c[:len(c)/2] }) }, "damaged"},
		"a bit": {func(t *testing.T, path string) {
			change(t, path, func(c []byte) []byte { return bytes.Replace(c, []byte("long long"), []byte("long lung"), 1) })
		}, "has other rows"},
		"a row less": {func(t *testing.T, path string) {
			exec(t, path, "DELETE FROM samples WHERE id = (SELECT max(id) FROM samples)")
		}, "has 48 rows and should have 49"},
		"no parent":     {func(t *testing.T, path string) { exec(t, path, "UPDATE samples SET parent_id = 1000 WHERE id = 7") }, "samples are missing"},
		"another table": {func(t *testing.T, path string) { exec(t, path, "CREATE TABLE others (id integer)") }, "table others"},
		"a trigger": {func(t *testing.T, path string) {
			exec(t, path, "CREATE TRIGGER evil AFTER INSERT ON secrets BEGIN SELECT 1; END")
		}, "trigger evil"},
		"newer": {func(t *testing.T, path string) {
			exec(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (3, 1)")
		}, "newer program"},
		"newer format": {func(t *testing.T, path string) {
			exec(t, path, "UPDATE _tenantry SET value = '2' WHERE name = 'format'")
		}, "newer program made it"},
		"no number": {func(t *testing.T, path string) {
			exec(t, path, "UPDATE _tenantry SET value = 'x' WHERE name = 'rows samples'")
		}, "rows samples"},
		"no description": {func(t *testing.T, path string) { exec(t, path, "DROP TABLE _tenantry") }, "not a portable file"},
		"no sum":         {func(t *testing.T, path string) { exec(t, path, "DELETE FROM _tenantry WHERE name LIKE '% samples'") }, "should have 0"},
		"another schema": {func(t *testing.T, path string) {
			exec(t, path, "UPDATE _tenantry SET value = 'shop' WHERE name = 'schema'")
		}, "another application"},
		"other version": {func(t *testing.T, path string) {
			exec(t, path, "UPDATE _tenantry SET value = '1' WHERE name = 'schema_version'")
		}, "says that its schema version is 1"},
		"a SQLite master": {func(t *testing.T, path string) { copyFile(t, filepath.Join(env.Dir, "master.db"), path) }, "not a portable file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, path)
			subdomain := "t-" + strings.ToLower(strings.ReplaceAll(name, " ", "-"))
			tenant, err := load(t, env, path, subdomain)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if tenant == nil {
				return
			}
			if _, err := env.Engine.Rows(t.Context(), tenant); !errors.Is(err, tenants.ErrNoDatabase) {
				t.Errorf("something is there: %v", err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	change(t, to, func([]byte) []byte { return content })
}

// TestOlderFile loads a file of an older version, which keeps that version.
func TestOlderFile(t *testing.T) {
	t.Parallel()
	old := sampleSchema()
	for dialect := range old.Migrations {
		folder := fstest.MapFS{}
		for name, file := range old.Migrations[dialect].(fstest.MapFS) {
			if name == "00001_init.sql" {
				folder[name] = file
			}
		}
		old.Migrations[dialect] = folder
	}
	env := tenantstest.New(t, tenantstest.Options{Schema: old})
	source := env.Tenant(t, "source")
	fill(t, env, source, 9)
	path, a := write(t, env, source, portable.Options{})
	if a.SchemaVersion != 1 {
		t.Fatalf("version %d", a.SchemaVersion)
	}
	now := tenantstest.New(t, tenantstest.Options{Schema: sampleSchema()})
	tenant, err := load(t, now, path, "target")
	if err != nil {
		t.Fatal(err)
	}
	version, err := now.Engine.Migrate(t.Context(), tenant)
	if err != nil || version != 2 || len(samplesOf(t, now, tenant)) != 8 {
		t.Errorf("version %d, %v", version, err)
	}
}

// TestForeignFile refuses a file of another application that has no name either.
func TestForeignFile(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	from, err := env.Engine.Rows(t.Context(), env.Tenant(t, "acme"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(t.TempDir(), "notes.db")
	if _, err := portable.Write(t.Context(), sqlite.Files{Schema: notes.Schema()}, path, from, portable.About{}, portable.Options{Schema: notes.Schema()}); err != nil {
		t.Fatal(err)
	}
	_, _, err = portable.Open(t.Context(), files(), path, sampleSchema())
	if !errors.Is(err, tenants.ErrSchema) {
		t.Errorf("error %v", err)
	}
}

// TestValuesThatPostgresRefuses names the value that can't be copied, and leaves nothing behind.
func TestValuesThatPostgresRefuses(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs Postgres")
	}
	lite := tenantstest.New(t, tenantstest.Options{Schema: sampleSchema()})
	big := tenantstest.New(t, tenantstest.Options{Schema: sampleSchema(), Engine: tenantstest.Postgres})
	for name, c := range map[string]struct{ set, want string }{
		"nul":     {"text = 'a' || char(0)", "column text of the row with id 3: text with a NUL byte"},
		"utf-8":   {"maybe = CAST(x'ff' AS text)", "column maybe of the row with id 3: text that is not valid UTF-8"},
		"boolean": {"yes = 2", "column yes of the row with id 3: it is neither 0 nor 1"},
		"number":  {"number = 'many'", "column number of the row with id 3: it is not an integer"},
		"time":    {"at = 'soon'", "column at of the row with id 3: it is not a time"},
		"json":    {"document = '{'", "doesn't accept"},
	} {
		source := lite.Tenant(t, "s-"+name)
		fill(t, lite, source, 5)
		err := lite.Store.Update(t.Context(), source, func(tx *gorm.DB) error {
			return tx.Exec("UPDATE samples SET " + c.set + " WHERE id = 3").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		path, _ := write(t, lite, source, portable.Options{})
		tenant, err := load(t, big, path, "t-"+name)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := big.Engine.Rows(t.Context(), tenant); !errors.Is(err, tenants.ErrNoDatabase) {
			t.Errorf("%s: something is there: %v", name, err)
		}
	}
}
