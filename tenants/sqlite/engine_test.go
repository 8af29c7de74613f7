package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// newEngine is an engine on a folder of the test's own, whose name has what a
// URI would read otherwise.
func newEngine(t testing.TB, schema tenants.Schema) (*sqlite.Engine, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a b?mode=memory#c%2e")
	return openEngine(t, dir, schema), dir
}

func openEngine(t testing.TB, dir string, schema tenants.Schema) *sqlite.Engine {
	t.Helper()
	engine, err := sqlite.New(sqlite.Config{Dir: dir, Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

func newTenant(engine *sqlite.Engine) *tenants.Tenant {
	id := strings.ToLower(ulid.Make().String())
	return &tenants.Tenant{ID: id, Subdomain: "acme", Database: engine.DatabaseName(id)}
}

// create makes a tenant's database.
func create(t testing.TB, engine *sqlite.Engine) *tenants.Tenant {
	t.Helper()
	tenant := newTenant(engine)
	if err := engine.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	return tenant
}

// path is the tenant's file.
func path(dir string, tenant *tenants.Tenant) string {
	return filepath.Join(dir, "tenants", tenant.Database)
}

// exec opens the tenant's database, runs a statement on its writer and closes it.
func exec(engine *sqlite.Engine, tenant *tenants.Tenant, statement string) error {
	conns, err := engine.Open(context.Background(), tenant)
	if err != nil {
		return err
	}
	_, err = conns.Write.Exec(statement)
	return errors.Join(err, conns.Close())
}

const insertFolder = "INSERT INTO folders (name, remark, created_at, updated_at) VALUES ('a', '', '2026-01-01', '2026-01-01')"

// files are the names and contents below dir.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		all[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCreateOpenDrop(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	if err := exec(engine, tenant, insertFolder); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	if err := engine.Create(t.Context(), tenant); err != nil { // again
		t.Fatal(err)
	}
	if !maps.Equal(before, files(t, dir)) {
		t.Error("the second Create changed something")
	}
	if err := engine.Drop(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	if err := engine.Drop(t.Context(), tenant); err != nil { // again
		t.Error(err)
	}
	for name := range files(t, dir) {
		if strings.Contains(name, tenant.ID) {
			t.Errorf("%s is left", name)
		}
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	defer conns.Close()
	if _, err := conns.Write.Exec(insertFolder); err != nil { // makes -wal and -shm
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCreateTwiceAtOnce(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	other := openEngine(t, dir, notes.Schema())
	tenant := newTenant(engine)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			e := engine
			if i%2 == 1 {
				e = other
			}
			if err := e.Create(context.Background(), tenant); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if err := exec(engine, tenant, insertFolder); err != nil {
		t.Error(err)
	}
	for name := range files(t, dir) {
		if strings.Contains(name, ".tmp") {
			t.Errorf("%s is left", name)
		}
	}
}

// TestOpenRefuses holds that what is not this tenant's whole database is
// unavailable, that nothing is made in its place, and that others still open.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, dir string, tenant, other *tenants.Tenant){
		"a missing file": func(t *testing.T, dir string, tenant, _ *tenants.Tenant) {
			must(t, os.Remove(path(dir, tenant)))
		},
		"an empty file": func(t *testing.T, dir string, tenant, _ *tenants.Tenant) {
			must(t, os.Truncate(path(dir, tenant), 0))
		},
		"half a file": func(t *testing.T, dir string, tenant, _ *tenants.Tenant) {
			must(t, os.Truncate(path(dir, tenant), 6000))
		},
		"no database": func(t *testing.T, dir string, tenant, _ *tenants.Tenant) {
			must(t, os.WriteFile(path(dir, tenant), []byte(strings.Repeat("not a database ", 1000)), 0o600))
		},
		"another tenant's file": func(t *testing.T, dir string, tenant, other *tenants.Tenant) {
			content, err := os.ReadFile(path(dir, other))
			must(t, errors.Join(err, os.WriteFile(path(dir, tenant), content, 0o600)))
		},
		"a link to another tenant's file": func(t *testing.T, dir string, tenant, other *tenants.Tenant) {
			must(t, errors.Join(os.Remove(path(dir, tenant)), os.Symlink(path(dir, other), path(dir, tenant))))
		},
		"a folder": func(t *testing.T, dir string, tenant, _ *tenants.Tenant) {
			must(t, errors.Join(os.Remove(path(dir, tenant)), os.Mkdir(path(dir, tenant), 0o700)))
		},
		"a name that leads elsewhere": func(_ *testing.T, _ string, tenant, other *tenants.Tenant) {
			tenant.Database = "../tenants/" + other.Database
		},
		"a name that is a URI": func(_ *testing.T, _ string, tenant, _ *tenants.Tenant) {
			tenant.Database = "file::memory:"
		},
	}
	for name, harm := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, dir := newEngine(t, notes.Schema())
			tenant, other := create(t, engine), create(t, engine)
			harm(t, dir, tenant, other)
			before := files(t, dir)
			conns, err := engine.Open(t.Context(), tenant)
			if !errors.Is(err, tenants.ErrUnavailable) {
				t.Errorf("got %v, %v", conns, err)
			}
			if _, err := engine.Migrate(t.Context(), tenant); !errors.Is(err, tenants.ErrUnavailable) {
				t.Errorf("Migrate: %v", err)
			}
			if after := files(t, dir); !maps.Equal(before, after) {
				t.Error("something was changed")
			}
			if err := exec(engine, other, insertFolder); err != nil {
				t.Errorf("the other tenant: %v", err)
			}
		})
	}
}

// TestOpenAfterACrash reads first what a killed process left in the -wal file.
func TestOpenAfterACrash(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	_, err = conns.Write.Exec(insertFolder)
	must(t, err)
	crashed := files(t, dir)
	must(t, conns.Close())
	for name, content := range crashed { // as it was while open
		if strings.HasSuffix(name, "-shm") {
			continue // may be stale: a crash of the machine leaves none
		}
		must(t, os.WriteFile(name, []byte(content), 0o600))
	}
	wantFolder(t, engine, tenant)
}

func TestReadersRefuseWrites(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	conn, err := conns.Read.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	_, _ = conn.ExecContext(t.Context(), "PRAGMA query_only=0") // as a hostile statement would
	if _, err := conn.ExecContext(t.Context(), insertFolder); err == nil {
		t.Error("a reader wrote")
	}
}

func TestTemplateFollowsTheMigrations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := fstest.MapFS{"00001_a.sql": {Data: []byte("-- +goose Up\nCREATE TABLE a (id integer);\n")}}
	both := maps.Clone(first)
	both["00002_b.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE b (id integer);\n")}
	schema := func(files fstest.MapFS) tenants.Schema {
		return tenants.Schema{Migrations: map[string]fs.FS{"sqlite": files}}
	}
	before := openEngine(t, dir, schema(first))
	old := create(t, before)
	after := openEngine(t, dir, schema(both))
	if after.SchemaVersion() != 2 {
		t.Errorf("schema version %d", after.SchemaVersion())
	}
	if err := exec(after, create(t, after), "INSERT INTO b VALUES (1)"); err != nil {
		t.Errorf("the new tenant: %v", err)
	}
	if version, err := after.Migrate(t.Context(), old); err != nil || version != 2 {
		t.Errorf("Migrate: version %d, %v", version, err)
	}
	if err := exec(after, old, "INSERT INTO b VALUES (1)"); err != nil {
		t.Errorf("the old tenant: %v", err)
	}
}

func TestCreateNamesABrokenMigration(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, tenants.Schema{Migrations: map[string]fs.FS{"sqlite": fstest.MapFS{
		"00001_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABEL a (id integer);\n")},
	}}})
	err := engine.Create(t.Context(), newTenant(engine))
	if err == nil || !strings.Contains(err.Error(), "00001_broken.sql") {
		t.Errorf("got %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left %d files", len(left))
	}
}

func TestFullDatabase(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	conn, err := conns.Write.Conn(t.Context()) // a PRAGMA ends with the connection's use
	must(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "PRAGMA max_page_count=1")
	must(t, err)
	_, err = conn.ExecContext(t.Context(), "INSERT INTO folders (name, remark, created_at, updated_at) VALUES ('a', ?, '', '')", strings.Repeat("x", 9000))
	if translated := translate(engine, err); !errors.Is(translated, tenants.ErrFull) || !errors.Is(translated, err) {
		t.Errorf("got %v", translated)
	}
}

func translate(engine *sqlite.Engine, err error) error {
	return engine.Base().Dialector.(gorm.ErrorTranslator).Translate(err)
}

func TestMaster(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "deep", "er", "master.db")
	open := func() *tenants.Master {
		master, err := sqlite.OpenMaster(t.Context(), sqlite.MasterConfig{Path: file})
		must(t, err)
		t.Cleanup(func() { must(t, master.Close()) })
		return master
	}
	master, other := open(), open()
	changed := make(chan struct{}, 100)
	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error)
	go func() { watched <- master.Watch(ctx, func(string) { changed <- struct{}{} }) }()
	<-changed // the first look
	must(t, other.Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Create(&tenants.Tenant{
			ID: "x", Subdomain: "acme", Name: "Acme", State: tenants.StateActive, Server: "default", Database: "x.db", CreatedBy: "test",
		}).Error
	}))
	<-changed
	stop()
	if err := <-watched; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch returned %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
