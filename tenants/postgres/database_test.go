package postgres

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

func TestCreateMakesAnEmptyCurrentDatabase(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	conns := opened(t, e, tenant)
	version, err := migrate.Version(t.Context(), conns.Read, Dialect, e.config.Schema.Migrations[Dialect])
	if version != e.SchemaVersion() || err != nil {
		t.Errorf("version %d, %v; want %d", version, err, e.SchemaVersion())
	}
	var people []notes.Person
	if err := over(e, conns).Find(&people).Error; err != nil || len(people) != 0 {
		t.Errorf("%d people, %v", len(people), err)
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	db := handle(t, e, tenant)
	if err := db.Create(&notes.Folder{Name: "kept"}).Error; err != nil {
		t.Fatal(err)
	}
	if err := e.Create(t.Context(), tenant); err != nil {
		t.Fatalf("create again: %v", err)
	}
	var folders []notes.Folder
	if err := db.Find(&folders).Error; err != nil || len(folders) != 1 {
		t.Errorf("%d folders, %v", len(folders), err)
	}
}

func TestCreateOfOneTenantByMany(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := unmade(t, e)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if err := e.Create(t.Context(), tenant); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	opened(t, e, tenant)
}

func TestCreatedDatabaseIsClosedToOtherRoles(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	for _, right := range []string{"CONNECT", "TEMPORARY"} {
		if got := ask(t, e, "SELECT has_database_privilege('pg_monitor', $1, $2)::text", tenant.Database, right); got != "false" {
			t.Errorf("%s for others: %s", right, got)
		}
	}
	var usage bool
	err := opened(t, e, tenant).Read.QueryRowContext(t.Context(), "SELECT has_schema_privilege('pg_monitor', 'public', 'USAGE')").Scan(&usage)
	if err != nil || usage {
		t.Errorf("usage of the schema for others: %t, %v", usage, err)
	}
}

func TestNamesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	for _, name := range []string{
		"", "postgres", "template1", e.template.name,
		"t_short", "t_" + strings.Repeat("a", 27), "T_" + strings.Repeat("a", 26), "t_" + strings.Repeat("A", 26),
		"t_" + strings.Repeat("a", 25) + `"`, "t_" + strings.Repeat("a", 26) + "\n", "t_" + strings.Repeat("a", 26) + `"; DROP DATABASE postgres; --`,
	} {
		id := strings.Repeat("a", 26)
		credentials, err := e.NewCredentials(id)
		if err != nil {
			t.Fatal(err)
		}
		tenant := &tenants.Tenant{ID: id, Database: name, Credentials: credentials}
		_, openErr := e.Open(t.Context(), tenant)
		_, migrateErr := e.Migrate(t.Context(), tenant)
		for what, err := range map[string]error{
			"create": e.Create(t.Context(), tenant), "drop": e.Drop(t.Context(), tenant), "open": openErr, "migrate": migrateErr,
		} {
			wantError(t, what+" "+name, err, tenants.ErrUnavailable)
		}
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	conns := opened(t, e, tenant)
	for range 2 { // the second one finds nothing
		if err := e.Drop(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	if there := ask(t, e, "SELECT count(*)::text FROM pg_database WHERE datname = $1", tenant.Database); there != "0" {
		t.Error("the database is still there")
	}
	err := over(e, conns).Exec("SELECT 1").Error
	wantError(t, "statement on a dropped database", err, tenants.ErrUnavailable)
}

func TestOpenOfAMissingDatabase(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := unmade(t, e)
	_, err := e.Open(t.Context(), tenant)
	wantError(t, "open", err, tenants.ErrUnavailable)
	if !strings.Contains(err.Error(), tenant.Database) {
		t.Errorf("%v doesn't name the database", err)
	}
	_, err = e.Migrate(t.Context(), tenant)
	wantError(t, "migrate", err, tenants.ErrUnavailable)
	if used := usedPlaces(e); used != 0 {
		t.Errorf("%d places in the budget are lost", used)
	}
}

func TestOpenOfADatabaseOfOthers(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := unmade(t, e)
	if err := e.exec(t.Context(), "CREATE DATABASE %s", tenant.Database); err != nil {
		t.Fatal(err)
	}
	_, err := e.Open(t.Context(), tenant)
	wantError(t, "open", err, tenants.ErrUnavailable)
}

// TestVerifyNoticesAnotherDatabase stands for a pooler in between that leads
// somewhere else.
func TestVerifyNoticesAnotherDatabase(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	conns := opened(t, e, made(t, e))
	if err := verify(t.Context(), conns.Read, e.layout.at(e.server, "t_"+strings.Repeat("z", 26))); err == nil {
		t.Error("no error")
	}
}

func TestOpenObeysItsContext(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	tenant := made(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Open(ctx, tenant)
	wantError(t, "open", err, context.Canceled)
	if errors.Is(err, tenants.ErrUnavailable) {
		t.Errorf("%v blames the database", err)
	}
	wantError(t, "create", e.Create(ctx, unmade(t, e)), context.Canceled)
}

func TestReadOnlyTransaction(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	tx := db.Begin(&sql.TxOptions{ReadOnly: true})
	defer tx.Rollback()
	err := tx.Create(&notes.Folder{Name: "refused"}).Error
	wantError(t, "write in a read-only transaction", err, tenants.ErrReadOnly)
}

func TestTimesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	db := handle(t, e, made(t, e))
	written := notes.Folder{Name: "timed"}
	if err := db.Create(&written).Error; err != nil {
		t.Fatal(err)
	}
	var read notes.Folder
	if err := db.First(&read, written.ID).Error; err != nil {
		t.Fatal(err)
	}
	if read.CreatedAt != written.CreatedAt {
		t.Errorf("wrote %#v, read %#v", written.CreatedAt, read.CreatedAt)
	}
}

func TestMigrateBringsAnOldDatabaseUpToDate(t *testing.T) {
	t.Parallel()
	older, newer := ownSchema(t), ownSchema(t)
	oldFiles, newFiles := older.Migrations[Dialect].(fstest.MapFS), newer.Migrations[Dialect].(fstest.MapFS)
	for name, file := range oldFiles {
		newFiles[name] = file
	}
	newFiles["00002_more.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE more (n int);\n")}
	c := config(t)
	c.Schema = older
	before := newEngine(t, c)
	dropTemplate(t, before)
	c.Schema = newer
	after := newEngine(t, c)

	tenant := made(t, before)
	conns := opened(t, after, tenant) // it may run beside scopes
	for range 2 {
		if version, err := after.Migrate(t.Context(), tenant); version != 2 || err != nil {
			t.Fatalf("migrated to %d, %v", version, err)
		}
	}
	if err := over(after, conns).Exec("INSERT INTO more VALUES (1)").Error; err != nil {
		t.Error(err)
	}
}

func TestServerStopsAndComesBack(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t)
	e := newEngine(t, configAt(t, server.URL()))
	tenant := made(t, e)
	conns := opened(t, e, tenant)

	server.Stop()
	_, err := e.Open(t.Context(), tenant)
	wantError(t, "open", err, tenants.ErrUnavailable)
	wantError(t, "create", e.Create(t.Context(), tenant), tenants.ErrUnavailable)
	wantError(t, "drop", e.Drop(t.Context(), tenant), tenants.ErrUnavailable)
	wantError(t, "statement", over(e, conns).Exec("SELECT 1").Error, tenants.ErrUnavailable)
	wantError(t, "begin", over(e, conns).Begin().Error, tenants.ErrUnavailable)

	server.Start()
	if err := over(e, conns).Exec("SELECT 1").Error; err != nil {
		t.Errorf("the open handle: %v", err)
	}
	opened(t, e, tenant)
	if err := e.Create(t.Context(), tenant); err != nil {
		t.Errorf("create: %v", err)
	}
}
