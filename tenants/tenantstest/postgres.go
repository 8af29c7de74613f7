package tenantstest

import (
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/tenantstest/pgcluster"
)

// maxConns bounds a test's connections to its tenants: many tests run at once
// on one server.
const maxConns = 16

// openPostgres makes the master and the engine on the tests' server.
func (e *Env) openPostgres(t testing.TB, o Options) *tenants.Master {
	t.Helper()
	e.MasterURL = o.Through(pgcluster.Database(t))
	master, err := postgres.OpenMaster(t.Context(), postgres.MasterConfig{
		URL: e.MasterURL, Log: o.Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	e.installation = o.Through(pgcluster.URL(t))
	if e.Placement == tenants.PlacementSchema { // it changes who may call what in its database
		e.installation = o.Through(pgcluster.Database(t))
	} else if o.Alone {
		e.installation = e.MasterURL
	}
	e.prefix = o.Prefix
	e.Engine = e.newPostgres(t, o)
	return master
}

// placement returns the engine's placement.
func (e Engine) placement() tenants.Placement {
	if e == Schemas {
		return tenants.PlacementSchema
	}
	return tenants.PlacementDatabase
}

func (e *Env) newPostgres(t testing.TB, o Options) tenants.Engine {
	t.Helper()
	engine, err := postgres.New(t.Context(), postgres.Config{
		URL: e.installation, Schema: o.Schema, Keys: e.Keys, Log: o.Log, MaxConns: maxConns, Prefix: e.prefix, Placement: e.Placement,
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}
