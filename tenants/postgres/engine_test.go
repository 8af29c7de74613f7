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

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
)

// patience bounds what a test does. Only a fault makes it wait for that long.
const patience = time.Minute

// config is that of an engine on the test server.
func config(t testing.TB) Config {
	t.Helper()
	return Config{URL: pgcluster.URL(t), Schema: models.Workspace(), Log: slog.New(slog.DiscardHandler)}
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
func unmade(t testing.TB, e *Engine) *models.Tenant {
	t.Helper()
	id := strings.ToLower(ulid.Make().String())
	tenant := &models.Tenant{ID: id, Subdomain: "acme", Database: e.DatabaseName(id), Epoch: 1}
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
func made(t testing.TB, e *Engine) *models.Tenant {
	t.Helper()
	tenant := unmade(t, e)
	if err := e.Create(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	return tenant
}

func opened(t testing.TB, e *Engine, tenant *models.Tenant) *tenants.Conns {
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

// handle is gorm on a tenant's pool, without a store around it.
func handle(t testing.TB, e *Engine, tenant *models.Tenant) *gorm.DB {
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
	if err := e.Base().Find(&[]models.User{}).Error; err == nil {
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
	_, err := New(t.Context(), Config{URL: server.URL(), Schema: models.Workspace()})
	wantError(t, "new", err, tenants.ErrUnavailable)
}
