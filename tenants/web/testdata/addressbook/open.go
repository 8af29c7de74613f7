package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// open opens the master and the engine in a folder, or in a Postgres database and
// on its server. Passwords of the tenants' roles are sealed with the key in the
// environment. The caller closes both.
func open(ctx context.Context, place string, schema tenants.Schema) (*tenants.Master, tenants.Engine, error) {
	if !strings.HasPrefix(place, "postgres:") {
		master, err := sqlite.OpenMaster(ctx, sqlite.MasterConfig{Path: filepath.Join(place, "master.db")})
		if err != nil {
			return nil, nil, err
		}
		engine, err := sqlite.New(sqlite.Config{Dir: place, Schema: schema})
		return master, engine, err
	}
	keys, err := seal.ParseKeys(os.Getenv("ADDRESSBOOK_KEY"))
	if err != nil {
		return nil, nil, err
	}
	master, err := postgres.OpenMaster(ctx, postgres.MasterConfig{URL: place})
	if err != nil {
		return nil, nil, err
	}
	engine, err := postgres.New(ctx, postgres.Config{URL: place, Schema: schema, Keys: keys})
	return master, engine, err
}
