// Package models holds what a tenant's database contains.
package models

import (
	"embed"
	"io/fs"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/jobs"
)

//go:embed migrations
var migrations embed.FS

// Schema returns the schema of a tenant's database.
func Schema() tenants.Schema {
	folder, _ := fs.Sub(migrations, "migrations") // the name is valid
	return tenants.Schema{
		Name:        "addressbook",
		Models:      append(models.Accounts(), &Contact{}, &jobs.Row{}, &files.Row{}, &Picture{}),
		Migrations:  tenants.MigrationsIn(folder),
		Credentials: models.AccountCredentials(),
		NotCloned:   []string{jobs.Row{}.TableName()},
	}
}
