package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/notes"
)

// pools are both pools of a tenant, by their names.
func pools(t testing.TB, engine *sqlite.Engine, tenant *tenants.Tenant) map[string]*sql.DB {
	t.Helper()
	conns, err := engine.Open(t.Context(), tenant)
	must(t, err)
	t.Cleanup(func() { must(t, conns.Close()) })
	return map[string]*sql.DB{"write": conns.Write, "read": conns.Read}
}

// TestConnectionsRefuseOtherFiles goes past the scope, which refuses the
// keywords: the connection itself must reach no other file, whichever driver
// was built in.
func TestConnectionsRefuseOtherFiles(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant, other := create(t, engine), create(t, engine)
	before := files(t, dir)
	elsewhere := filepath.Join(t.TempDir(), "stolen.db")
	for name, pool := range pools(t, engine, tenant) {
		for _, statement := range []string{
			"ATTACH '" + path(dir, other) + "' AS other",
			"ATTACH '" + strings.NewReplacer("?", "%3f", "#", "%23", "%", "%25").Replace("file:"+path(dir, other)) + "' AS other",
			"ATTACH ':memory:' AS other",
			"ATTACH '" + elsewhere + "' AS other",
			"SELECT 1; ATTACH ':memory:' AS other",
			"VACUUM INTO '" + elsewhere + "'",
		} {
			if _, err := pool.Exec(statement); err == nil {
				t.Errorf("%s: %s was not refused", name, statement)
			}
		}
		var databases int
		must(t, pool.QueryRow("SELECT count(*) FROM pragma_database_list").Scan(&databases))
		if databases != 1 {
			t.Errorf("%s: %d databases are attached", name, databases)
		}
	}
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("a file was made elsewhere")
	}
	if after := files(t, dir); after[path(dir, other)] != before[path(dir, other)] {
		t.Error("the other tenant's file was changed")
	}
}

// TestSchemaIsNotTrusted has a view, as a file that came from somewhere else
// may have one, that looks at what only the application may look at.
func TestSchemaIsNotTrusted(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	must(t, exec(engine, tenant, "CREATE VIEW nosy AS SELECT file FROM pragma_database_list"))
	for name, pool := range pools(t, engine, tenant) {
		var trusted int
		must(t, pool.QueryRow("PRAGMA trusted_schema").Scan(&trusted))
		if trusted != 0 {
			t.Errorf("%s: trusted_schema is %d", name, trusted)
		}
		var file string
		if err := pool.QueryRow("SELECT file FROM nosy").Scan(&file); err == nil || !strings.Contains(err.Error(), "unsafe") {
			t.Errorf("%s: the view showed %q, %v", name, file, err)
		}
	}
}

// TestIdentityIsCheckedOnEveryConnection: a check of the first connection
// alone would let the second one read the file of another tenant.
func TestIdentityIsCheckedOnEveryConnection(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]string{
		"another tenant's id":     "UPDATE tenantry_identity SET tenant_id = '01j0000000000000000000000a'",
		"no tenant's id":          "DELETE FROM tenantry_identity",
		"no identity":             "DROP TABLE tenantry_identity",
		"another application's":   "PRAGMA application_id = 7",
		"no application's":        "PRAGMA application_id = 0",
		"an id of another type":   "UPDATE tenantry_identity SET tenant_id = 1",
		"an id with another case": "UPDATE tenantry_identity SET tenant_id = upper(tenant_id)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, _ := newEngine(t, notes.Schema())
			tenant := create(t, engine)
			before := pools(t, engine, tenant)
			before["read"].SetMaxIdleConns(0) // the next query opens a new connection
			must(t, exec(engine, tenant, harm))
			if err := before["read"].Ping(); !errors.Is(err, tenants.ErrUnavailable) {
				t.Errorf("another connection of an open pool: %v", err)
			}
			if err := exec(engine, tenant, "SELECT 1"); !errors.Is(err, tenants.ErrUnavailable) {
				t.Errorf("open: %v", err)
			}
		})
	}
}

// TestDatabaseNamesComeFromIDs: neither the subdomain nor the name of a tenant
// is part of a path.
func TestDatabaseNamesComeFromIDs(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := newTenant(engine)
	tenant.Subdomain, tenant.Name = "../../escaped", "../escaped"
	must(t, engine.Create(t.Context(), tenant))
	if tenant.Database != tenant.ID+".db" {
		t.Errorf("database %q of tenant %q", tenant.Database, tenant.ID)
	}
	if _, err := os.Stat(path(dir, tenant)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{
		"", ".db", "../master.db", "a/b.db", strings.Repeat("a", 25) + ".db", strings.Repeat("a", 27) + ".db",
		strings.Repeat("A", 26) + ".db", strings.Repeat("a", 26) + ".db\x00", strings.Repeat("a", 26) + ".db?mode=memory", strings.Repeat("a", 26),
	} {
		hostile := &tenants.Tenant{ID: strings.Repeat("a", 26), Database: name}
		before := files(t, dir)
		_, openErr := engine.Open(t.Context(), hostile)
		for what, err := range map[string]error{
			"create": engine.Create(t.Context(), hostile), "drop": engine.Drop(t.Context(), hostile), "open": openErr,
		} {
			if !errors.Is(err, tenants.ErrUnavailable) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
		if after := files(t, dir); len(after) != len(before) {
			t.Errorf("%q: %d files, then %d", name, len(before), len(after))
		}
	}
}

// TestRightsOfFilesAndFolders wants them exactly, whatever the process's umask.
func TestRightsOfFilesAndFolders(t *testing.T) {
	t.Parallel()
	engine, dir := newEngine(t, notes.Schema())
	tenant := create(t, engine)
	for _, pool := range pools(t, engine, tenant) {
		must(t, pool.Ping()) // makes -wal and -shm
	}
	want := map[string]os.FileMode{".": 0o700, "tenants": 0o700, "templates": 0o700}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		want[filepath.Join("tenants", tenant.Database+suffix)] = 0o600
	}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", name, info, err, mode)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	t.Parallel()
	engine, _ := newEngine(t, notes.Schema())
	if sealed, err := engine.NewCredentials("01j0000000000000000000000a"); sealed != nil || err != nil {
		t.Errorf("got %v, %v", sealed, err)
	}
}
