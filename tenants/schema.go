package tenants

import (
	"embed"
	"io/fs"
)

// Schema says what a database holds: the models, and the migrations that make
// their tables. An application built on the engine brings its own.
type Schema struct {
	// Models are pointers to the GORM models, parsed when the engine starts.
	Models []any
	// Migrations holds, per dialect ("sqlite", "postgres"), a folder of
	// goose's SQL files.
	Migrations map[string]fs.FS
}

// MigrationsIn returns the folders of folder that hold the migrations, one per
// dialect, for Schema.Migrations. It panics where one of them is missing, since
// folders that are embedded are there in every build.
func MigrationsIn(folder fs.FS) map[string]fs.FS {
	all := map[string]fs.FS{}
	for _, dialect := range []string{"sqlite", "postgres"} {
		if _, err := fs.Stat(folder, dialect); err != nil {
			panic(err)
		}
		all[dialect], _ = fs.Sub(folder, dialect) // the name is valid
	}
	return all
}

//go:embed migrations
var masterMigrations embed.FS

// MasterSchema is the schema of the master database.
func MasterSchema() Schema {
	migrations, _ := fs.Sub(masterMigrations, "migrations")
	return Schema{
		Models: []any{
			&Tenant{}, &Domain{}, &RetiredSubdomain{}, &Operation{}, &Instance{}, &Acknowledgement{},
		},
		Migrations: MigrationsIn(migrations),
	}
}
