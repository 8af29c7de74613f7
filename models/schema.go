// Package models holds what the application stores in each tenant's database,
// with the migrations that make its tables.
package models

import (
	"embed"
	"io/fs"

	"tenantry/tenants"
	"tenantry/tenants/files"
	"tenantry/tenants/jobs"
)

//go:embed migrations
var migrations embed.FS

// Accounts are the models that package account works with: users, how they sign in, and
// what they did. Every application's schema has them.
func Accounts() []any { return []any{&User{}, &Credential{}, &SignInAttempts{}, &Activity{}} }

// AccountCredentials are what lets people sign in, for the Credentials of a schema with these models.
func AccountCredentials() []string {
	return []string{"credentials", "sign_in_attempts", "users.password_hash"}
}

// Workspace is the schema of every tenant's database.
func Workspace() tenants.Schema {
	folder, _ := fs.Sub(migrations, "migrations")
	return tenants.Schema{
		Name:        "workspace",
		Models:      append(Accounts(), &Project{}, &Task{}, &Comment{}, &Attachment{}, &files.Row{}, &jobs.Row{}, &MailOptOut{}),
		Migrations:  tenants.MigrationsIn(folder),
		Credentials: AccountCredentials(),
		NotCloned:   []string{jobs.Row{}.TableName()},
	}
}
