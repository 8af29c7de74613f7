package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
)

// aRun and anotherRun are ids of migration runs.
const aRun, anotherRun = "01k9z9z9z9z9z9z9z9z9z9z9z9", "01k9z9z9z9z9z9z9z9z9z9z9za"

// TestCopiesArePutBack keeps copies of a file, migrates it, writes to it, and puts one back: also once more, as after a
// crash, with a -wal file that a process that died has left.
func TestCopiesArePutBack(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"00001_init.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (id integer PRIMARY KEY, text text);\n")}}
	schema := tenants.Schema{Migrations: map[string]fs.FS{"sqlite": files}}
	engine, dir := newEngine(t, schema)
	tenant := create(t, engine)
	write(t, engine, tenant, "INSERT INTO notes VALUES (1, 'first'), (2, 'second')")
	for _, run := range []string{aRun, anotherRun} {
		if bytes, err := engine.KeepCopy(t.Context(), tenant, run); err != nil || bytes == 0 {
			t.Fatalf("%d bytes, %v", bytes, err)
		}
	}
	_, err := engine.KeepCopy(t.Context(), tenant, aRun) // again, as after a crash
	must(t, err)
	files["00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nALTER TABLE notes ADD COLUMN more text;\n")}
	newer := openEngine(t, dir, schema)
	_, err = newer.Migrate(t.Context(), tenant)
	must(t, err)
	wantAge(t, newer, tenant, 0)
	write(t, newer, tenant, "UPDATE notes SET text = 'changed' WHERE id = 1; INSERT INTO notes VALUES (3, 'third', 'x'); DELETE FROM notes WHERE id = 2")
	wantAge(t, newer, tenant, 2)
	leaveWAL(t, newer, dir, tenant)

	before := time.Now().Add(-time.Second)
	for range 2 {
		must(t, newer.PutBack(t.Context(), tenant, aRun, 1))
		wantNotes(t, engine, tenant, "first second")
	}
	if written, err := newer.Written(t.Context(), tenant); err != nil || written.Before(before) {
		t.Errorf("backups think that it was written at %v, %v", written, err)
	}
	if err := newer.PutBack(t.Context(), tenant, aRun, 2); !errors.Is(err, tenants.ErrNoCopy) {
		t.Errorf("without a copy: %v", err)
	}
	must(t, newer.RemoveCopies(t.Context(), aRun))
	if got := names(t, filepath.Join(dir, "copies")); len(got) != 1 {
		t.Errorf("the folder of copies has %q, want the other run's", got)
	}
	must(t, newer.Drop(t.Context(), tenant))
	if got := names(t, filepath.Join(dir, "copies")); len(got) != 0 {
		t.Errorf("after Drop the folder of copies has %q", got)
	}
}

// write runs statements on the tenant's database.
func write(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant, statements string) {
	t.Helper()
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	for statement := range strings.SplitSeq(statements, ";") {
		_, err = conns.Write.Exec(statement)
		must(t, err)
	}
	must(t, conns.Close())
}

// leaveWAL leaves a -wal file beside the tenant's database that belongs to what was there before.
func leaveWAL(t *testing.T, engine *sqlite.Engine, dir string, tenant *tenants.Tenant) {
	t.Helper()
	path := filepath.Join(dir, "tenants", tenant.Database)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	_, err = conns.Write.Exec("UPDATE notes SET text = 'in the -wal'")
	must(t, err)
	wal, err := os.ReadFile(path + "-wal")
	must(t, err)
	if len(wal) == 0 {
		t.Fatal("the -wal file is empty")
	}
	must(t, conns.Close())
	must(t, os.WriteFile(path+"-wal", wal, 0o600))
}

func wantAge(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant, rows int64) {
	t.Helper()
	age, err := engine.CopyAge(t.Context(), tenant, aRun)
	if err != nil || age.Rows != rows || time.Since(age.WrittenAt) > time.Minute {
		t.Errorf("%+v, %v; want %d rows", age, err, rows)
	}
}

func wantNotes(t *testing.T, engine *sqlite.Engine, tenant *tenants.Tenant, want string) {
	t.Helper()
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	var got string
	must(t, conns.Read.QueryRow("SELECT group_concat(text, ' ' ORDER BY id) FROM notes").Scan(&got))
	if got != want || conns.Version != 1 {
		t.Errorf("the notes are %q at version %d, want %q", got, conns.Version, want)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}
