// Package models holds what is stored: the Tenant in the master database, and
// the application's own models in each tenant's database, with the migrations
// that make their tables.
package models

import (
	"embed"
	"io/fs"
)

//go:embed migrations
var migrations embed.FS

// Schema says what a database holds: the models, and the migrations that make
// their tables. An application built on the engine brings its own.
type Schema struct {
	// Models are pointers to the GORM models, parsed when the engine starts.
	Models []any
	// Migrations holds, per dialect ("sqlite", "postgres"), a folder of
	// goose's SQL files.
	Migrations map[string]fs.FS
}

// Master is the schema of the master database.
func Master() Schema {
	return Schema{
		Models: []any{
			&Tenant{}, &Domain{}, &RetiredSubdomain{}, &Operation{}, &Instance{}, &Acknowledgement{},
		},
		Migrations: migrationsOf("master"),
	}
}

// Workspace is the schema of every tenant's database.
func Workspace() Schema {
	return Schema{
		Models:     []any{&User{}, &Credential{}, &SignInAttempts{}, &Project{}, &Task{}, &Comment{}, &Activity{}},
		Migrations: migrationsOf("tenant"),
	}
}

func migrationsOf(database string) map[string]fs.FS {
	perDialect := map[string]fs.FS{}
	for _, dialect := range []string{"sqlite", "postgres"} {
		sub, err := fs.Sub(migrations, "migrations/"+database+"/"+dialect)
		if err != nil {
			panic(err) // the path is a constant: only a broken build gets here
		}
		perDialect[dialect] = sub
	}
	return perDialect
}
