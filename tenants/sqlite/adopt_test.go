package sqlite_test

import (
	"context"
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
	"tenantry/tenants/tenantstest/notes"
)

// TestAdoptLeavesTheSourceAsItIs copies what a killed process has left: the rows
// are in the -wal file alone.
func TestAdoptLeavesTheSourceAsItIs(t *testing.T) {
	t.Parallel()
	_, from, source := crashed(t)
	engine, dir := newEngine(t, notes.Schema())
	tenant := newTenant(engine)
	before, err := os.ReadFile(path(from, source))
	must(t, err)
	_, err = engine.Adopt(t.Context(), tenant, "sqlite:"+path(from, source))
	must(t, err)
	wantFolder(t, engine, tenant)
	after, err := os.ReadFile(path(from, source))
	must(t, err)
	if string(before) != string(after) {
		t.Error("the source was changed")
	}
	wantSurvey(t, engine, "database tenants/"+tenant.Database+" "+tenant.ID)
	for name := range files(t, dir) {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v, %v", name, info.Mode(), err)
		}
	}
}

// TestAdoptWhatIsNoTenants has a file of goose's own making, in the other
// journal mode and without a stamp.
func TestAdoptWhatIsNoTenants(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	source, tenant := create(t, engine), newTenant(engine)
	conns, err := engine.Open(t.Context(), source)
	must(t, err)
	conn, err := conns.Write.Conn(t.Context()) // another one would look for the identity
	must(t, err)
	for _, statement := range []string{
		insertFolder, "ANALYZE", "DROP INDEX goose_db_version_key", "DROP TABLE tenantry_identity", "PRAGMA application_id=0",
	} {
		_, err := conn.ExecContext(t.Context(), statement)
		must(t, err)
	}
	must(t, errors.Join(conn.Close(), conns.Close()))
	_, err = engine.Adopt(t.Context(), tenant, "sqlite:"+path(dir, source))
	must(t, err)
	wantFolder(t, engine, tenant)
	if err := exec(engine, tenant, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (1, 1)"); err == nil {
		t.Error("a version can be recorded twice")
	}
}

// TestAdoptAnySchema has what an application may have beside plain tables.
func TestAdoptAnySchema(t *testing.T) {
	t.Parallel()
	migration := `-- +goose Up
CREATE TABLE nodes (id integer PRIMARY KEY, parent_id integer REFERENCES nodes (id) DEFERRABLE INITIALLY DEFERRED,
    name text COLLATE NOCASE CHECK (name <> ''), loud text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE TABLE "odd ""name" ([a column] text, "check" text DEFAULT 'x', PRIMARY KEY ("check", [a column])) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX named ON nodes (lower(name) DESC) WHERE parent_id IS NOT NULL;
CREATE VIEW louds AS SELECT loud FROM nodes;
-- +goose StatementBegin
CREATE TRIGGER noted AFTER INSERT ON nodes BEGIN INSERT INTO "odd ""name" VALUES (new.name, new.id); END;
-- +goose StatementEnd
`
	engine, dir := newEngine(t, tenants.Schema{Migrations: map[string]fs.FS{
		sqlite.Dialect: fstest.MapFS{"1_any.sql": {Data: []byte(migration)}},
	}})
	source, tenant := create(t, engine), newTenant(engine)
	must(t, exec(engine, source, "INSERT INTO nodes (parent_id, name) VALUES (2, 'a'), (1, 'b')"))
	version, err := engine.Adopt(t.Context(), tenant, "sqlite:"+path(dir, source))
	if err != nil || version != 1 {
		t.Fatalf("version %d, %v", version, err)
	}
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	defer conns.Close()
	var content string
	must(t, conns.Read.QueryRow(`SELECT (SELECT group_concat(loud) FROM louds) || count(*) FROM "odd ""name"`).Scan(&content))
	if content != "A,B2" {
		t.Errorf("the copy has %q", content)
	}
	must(t, exec(engine, source, "DROP TRIGGER noted"))
	_, err = engine.Adopt(t.Context(), newTenant(engine), "sqlite:"+path(dir, source))
	if !errors.Is(err, tenants.ErrSchema) || !strings.Contains(err.Error(), "trigger noted: only in the migrations") {
		t.Errorf("got %v", err)
	}
}

func TestAdoptALockedSource(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	source, tenant := create(t, engine), newTenant(engine)
	lock(t, engine, source)
	_, err := engine.Adopt(t.Context(), tenant, "sqlite:"+path(dir, source))
	var failure *tenants.SourceError
	if !errors.As(err, &failure) || !errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(failure.Reason, "is locked") {
		t.Errorf("got %v", err)
	}
	wantSurvey(t, engine, "database tenants/"+source.Database+" "+source.ID)
}

func TestAdoptADamagedSource(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	source, tenant := create(t, engine), newTenant(engine)
	content, err := os.ReadFile(path(dir, source))
	must(t, err)
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	must(t, os.WriteFile(damaged, append(content[:4096:4096], make([]byte, len(content)-4096)...), 0o600))
	_, err = engine.Adopt(t.Context(), tenant, "sqlite:"+damaged)
	var failure *tenants.SourceError
	if !errors.As(err, &failure) || errors.Is(err, tenants.ErrUnavailable) || !strings.Contains(failure.Reason, "is damaged") {
		t.Errorf("got %v", err)
	}
	wantSurvey(t, engine, "database tenants/"+source.Database+" "+source.ID)
}

func TestAdoptThatIsCancelled(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	source, tenant := create(t, engine), newTenant(engine)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := engine.Adopt(ctx, tenant, "sqlite:"+path(dir, source)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	wantSurvey(t, engine, "database tenants/"+source.Database+" "+source.ID)
}

// TestAdoptThatDied has what a killed adoption leaves, old and new: another one
// is not held up, Drop takes it away, and so does Discard when it is old.
func TestAdoptThatDied(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	source, tenant := create(t, engine), newTenant(engine)
	left := filepath.Join("tenants", tenant.Database+someTurn)
	listed := "temporary " + left + " " + tenant.ID
	kept := "database tenants/" + source.Database + " " + source.ID
	put(t, 0, dir, left)
	put(t, 0, dir, left+"-journal")
	wantSurvey(t, engine, kept, listed)
	_, err := engine.Adopt(t.Context(), tenant, "sqlite:"+path(dir, source))
	must(t, err)
	wantSurvey(t, engine, kept, "database tenants/"+tenant.Database+" "+tenant.ID, listed)
	wantInUse(t, engine, left)
	must(t, engine.Drop(t.Context(), tenant))
	wantSurvey(t, engine, kept)
	put(t, 2*time.Hour, dir, left)
	must(t, engine.Discard(t.Context(), tenants.Object{Kind: tenants.ObjectTemporary, Name: left}))
	wantSurvey(t, engine, kept)
	for name := range files(t, filepath.Join(dir, "tenants")) {
		if strings.Contains(name, tenant.ID) {
			t.Errorf("%s is left", name)
		}
	}
}

func wantInUse(t *testing.T, engine *sqlite.Engine, name string) {
	t.Helper()
	if err := engine.Discard(t.Context(), tenants.Object{Kind: tenants.ObjectTemporary, Name: name}); !errors.Is(err, tenants.ErrInUse) {
		t.Errorf("discard %s: %v", name, err)
	}
}
