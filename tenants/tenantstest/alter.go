package tenantstest

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"tenantry/tenants"
)

// Alter runs SQL on the tenant's database by hand: see the function of that name.
func (e *Env) Alter(t testing.TB, tenant *tenants.Tenant, statements ...string) {
	t.Helper()
	Alter(t, e.of, e.home(), tenant, statements...)
}

func (e *Env) home() string {
	if e.Kind == Postgres {
		return e.installation
	}
	return e.Dir
}

// Hold runs SQL as Alter does, but in a session that lasts, with its locks, until the returned function is called or
// the test ends.
func (e *Env) Hold(t testing.TB, tenant *tenants.Tenant, statements ...string) (end func()) {
	t.Helper()
	db, err := openByHand(e.of, e.home(), tenant.Database)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	end = sync.OnceFunc(func() { report(t, db.Close()) })
	t.Cleanup(end)
	return end
}

// Alter runs SQL on a tenant's database as an operator could by hand: as a user who may change the schema,
// and past any store. home is the data folder on SQLite, and the URL of the server on Postgres.
func Alter(t testing.TB, engine Engine, home string, tenant *tenants.Tenant, statements ...string) {
	t.Helper()
	db, err := openByHand(engine, home, tenant.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { report(t, db.Close()) }()
	db.SetMaxOpenConns(1)
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

func openByHand(engine Engine, home, database string) (*sql.DB, error) {
	if engine == SQLite {
		return sql.Open(sqliteDriver, sqliteDSN(filepath.Join(home, "tenants", database)))
	}
	config, err := pgx.ParseConfig(home)
	if err != nil {
		return nil, err
	}
	if engine == Schemas {
		config.RuntimeParams["search_path"] = database
	} else {
		config.Database = database
	}
	return stdlib.OpenDB(*config), nil
}
