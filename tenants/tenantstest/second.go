package tenantstest

import (
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/sqlite"
	"tenantry/tenants/tenantstest/pgcluster"
)

// Second is the name of an Env's second server.
const Second = "second"

// openSecond opens the second server. With databases on Postgres twice it is a cluster of its own, because a tenant's database and
// role have the same names on each.
func (e *Env) openSecond(t testing.TB, o Options) {
	t.Helper()
	var err error
	switch o.Second {
	case SQLite:
		e.Second, err = sqlite.New(sqlite.Config{Dir: tempDir(t), Schema: o.Schema, Log: o.Log})
	case Postgres, Schemas:
		url := pgcluster.URL(t)
		switch {
		case o.Second == Schemas:
			url = pgcluster.Database(t)
		case e.of == Postgres:
			url = pgcluster.New(t).URL()
		}
		e.Second, err = postgres.New(t.Context(), postgres.Config{
			URL: url, Schema: o.Schema, Keys: e.Keys, Log: o.Log, MaxConns: maxConns, Placement: o.Second.placement(),
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// engineOf returns the engine of the tenant's server.
func (e *Env) engineOf(t *tenants.Tenant) tenants.Engine {
	if t.Server == Second {
		return e.Second
	}
	return e.Engine
}
