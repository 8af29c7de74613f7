package tenants_test

import (
	"io/fs"
	"testing/fstest"

	"tenantry/tenants"
)

// parent and child are an application's own models, as small as can be.
type parent struct{ ID int64 }

type child struct {
	ID       int64
	ParentID int64
}

// deferredSchema has a foreign key that is checked at COMMIT.
func deferredSchema() tenants.Schema {
	migration := func(key string) fs.FS {
		return fstest.MapFS{"00001_init.sql": {Data: []byte(`-- +goose Up
CREATE TABLE parents (id ` + key + `);
CREATE TABLE children (
    id ` + key + `,
    parent_id bigint NOT NULL REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED
);
`)}}
	}
	return tenants.Schema{
		Models: []any{&parent{}, &child{}},
		Migrations: map[string]fs.FS{
			"sqlite":   migration("integer PRIMARY KEY"),
			"postgres": migration("bigserial PRIMARY KEY"),
		},
	}
}
