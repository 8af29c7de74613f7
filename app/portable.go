package app

import (
	"context"

	"tenantry/tenants/portable"
	"tenantry/tenants/sqlite"
)

// CheckPortable returns why no tenant of the application can be made from a portable file. It needs no installation.
func CheckPortable(ctx context.Context, o Options, path string) error {
	schema := o.withDefaults().Schema
	r, _, err := portable.Open(ctx, sqlite.Files{Schema: schema}, path, schema)
	if err != nil {
		return err
	}
	return r.Close()
}

// CheckSource returns why no tenant of the application can be made from a database in a file of SQLite's. It needs no
// installation.
func CheckSource(ctx context.Context, o Options, url string) error {
	return sqlite.CheckSource(ctx, o.withDefaults().Schema, url)
}
