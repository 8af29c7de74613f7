package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/tenantstest/pgcluster"
)

// patience bounds what a test does. Only a fault makes it wait for that long.
const patience = time.Minute

// config is that of an engine on the test server.
func config(t testing.TB) Config {
	t.Helper()
	return configAt(t, pgcluster.URL(t))
}

func configAt(t testing.TB, url string) Config {
	t.Helper()
	keys, err := seal.ParseKeys(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	return Config{URL: url, Keys: keys, Schema: notes.Schema(), Log: slog.New(slog.DiscardHandler)}
}

func newEngine(t testing.TB, c Config) *Engine {
	t.Helper()
	e, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// unmade is a tenant without a database. One that is made is dropped when the
// test ends.
func unmade(t testing.TB, e *Engine) *tenants.Tenant {
	t.Helper()
	id := strings.ToLower(ulid.Make().String())
	tenant := &tenants.Tenant{ID: id, Subdomain: "acme", Database: e.DatabaseName(id), Epoch: 1}
	var err error
	if tenant.Credentials, err = e.NewCredentials(id); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := e.Drop(ctx, tenant); err != nil {
			t.Error(err)
		}
	})
	return tenant
}

// made is a tenant with a database.
func made(t testing.TB, e *Engine) *tenants.Tenant {
	t.Helper()
	tenant := unmade(t, e)
	if err := e.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	return tenant
}

func opened(t testing.TB, e *Engine, tenant *tenants.Tenant) *tenants.Conns {
	t.Helper()
	conns, err := e.Open(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conns.Close(); err != nil {
			t.Error(err)
		}
	})
	return conns
}

// change runs SQL in a tenant's database as the provisioner.
func change(t testing.TB, e *Engine, tenant *tenants.Tenant, sql string) {
	t.Helper()
	if err := attempt(t, e.server, tenant.Database, sql); err != nil {
		t.Fatal(err)
	}
}

// attempt connects to a database and runs SQL there.
func attempt(t testing.TB, login *server, database, sql string) error {
	t.Helper()
	conn, err := connector{server: login, database: database}.dial(t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Conn.Conn().Exec(t.Context(), sql)
	return err
}

// handle is gorm on a tenant's pool, without a store around it.
func handle(t testing.TB, e *Engine, tenant *tenants.Tenant) *gorm.DB {
	t.Helper()
	return over(e, opened(t, e, tenant))
}

func over(e *Engine, conns *tenants.Conns) *gorm.DB {
	db := e.Base().Session(&gorm.Session{NewDB: true, Context: context.Background()})
	db.Config.ConnPool = conns.Write
	db.Statement.ConnPool = conns.Write
	return db
}

// ask returns the one text that a query on the admin connection gives.
func ask(t testing.TB, e *Engine, query string, args ...any) string {
	t.Helper()
	var answer string
	if err := e.admin.QueryRowContext(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func wantError(t testing.TB, what string, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("%s: %v is not %q", what, err, w)
		}
	}
}

func TestEngineTellsWhatItIs(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	if e.Dialect() != "postgres" || e.Base().Name() != "postgres" {
		t.Errorf("dialect %q over %q", e.Dialect(), e.Base().Name())
	}
	if e.SchemaVersion() < 1 {
		t.Errorf("schema version %d", e.SchemaVersion())
	}
	if e.budget.limit < 10 || e.budget.limit > 85 {
		t.Errorf("a server of 100 connections gives tenants %d", e.budget.limit)
	}
	if name := e.DatabaseName("01j0000000000000000000000a"); name != "t_01j0000000000000000000000a" {
		t.Errorf("name %q", name)
	}
}

func TestBaseHasNoConnection(t *testing.T) {
	t.Parallel()
	e := newEngine(t, config(t))
	if err := e.Base().Exec("SELECT 1").Error; err == nil {
		t.Error("the base ran a statement")
	}
	if err := e.Base().Find(&[]notes.Person{}).Error; err == nil {
		t.Error("the base ran a query")
	}
}

func TestNewRefusesASchemaWithoutMigrations(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.Schema.Migrations = nil
	if _, err := New(t.Context(), c); err == nil {
		t.Error("no error")
	}
}

func TestNewOnAServerThatIsDown(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t)
	server.Stop()
	_, err := New(t.Context(), configAt(t, server.URL()))
	wantError(t, "new", err, tenants.ErrUnavailable)
}

func TestNewWithoutKeys(t *testing.T) {
	t.Parallel()
	_, err := New(t.Context(), Config{URL: "postgres://u:hunter2@h/d", Schema: notes.Schema()})
	if err == nil || !strings.Contains(err.Error(), "keys") {
		t.Errorf("got %v", err)
	}
}
