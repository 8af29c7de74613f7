// Package models holds what the application stores in each tenant's database,
// with the migrations that make its tables.
package models

import (
	"embed"
	"io/fs"

	"tenantry/tenants"
)

//go:embed migrations
var migrations embed.FS

// Workspace is the schema of every tenant's database.
func Workspace() tenants.Schema {
	folder, _ := fs.Sub(migrations, "migrations")
	return tenants.Schema{
		Models:     []any{&User{}, &Credential{}, &SignInAttempts{}, &Project{}, &Task{}, &Comment{}, &Activity{}},
		Migrations: tenants.MigrationsIn(folder),
	}
}
