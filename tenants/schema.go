package tenants

import (
	"embed"
	"fmt"
	"io/fs"

	"tenantry/tenants/migrate"
)

// Schema describes a database: its models, and the migrations that make their tables. An application
// built on the engine brings its own.
type Schema struct {
	// Name names the schema in portable files, so that another application's are refused.
	Name string
	// Models are pointers to the GORM models, parsed when the engine starts.
	Models []any
	// Migrations maps each dialect ("sqlite", "postgres") to a folder of goose SQL files.
	Migrations map[string]fs.FS
	// Credentials name what lets people sign in: tables, such as of sessions and tokens, as TABLE, and columns that can
	// be NULL, such as of password hashes, as TABLE.COLUMN. A portable file has none of them unless the operator says
	// so, and a clone of a tenant has the columns alone.
	Credentials []string
	// NotCloned names tables of which a clone of a tenant has no rows, such as that of jobs: what the first tenant is
	// yet to do isn't done twice. A backup of the master on Postgres has no rows of its tables about living processes.
	NotCloned []string
}

// MigrationsIn returns the subfolders of folder that hold the migrations, by dialect, for
// Schema.Migrations. It panics if one is missing, because an embedded folder is in every build.
func MigrationsIn(folder fs.FS) map[string]fs.FS {
	all := map[string]fs.FS{}
	for _, dialect := range []string{"sqlite", "postgres"} {
		if _, err := fs.Stat(folder, dialect); err != nil {
			panic(err)
		}
		all[dialect], _ = fs.Sub(folder, dialect) // the name is valid, so there is no error
	}
	return all
}

// Versions returns what the dialect's migrations declare. It returns an error if another dialect's migration of the same
// version declares something else, or if a declaration is bad.
func (s Schema) Versions(dialect string) (migrate.Versions, error) {
	versions, err := migrate.ReadVersions(s.Migrations[dialect])
	if err != nil {
		return versions, err
	}
	for other, migrations := range s.Migrations {
		others, err := migrate.ReadVersions(migrations)
		if err == nil {
			err = versions.Agrees(others)
		}
		if err != nil {
			return versions, fmt.Errorf("migrations for %s and %s: %w", dialect, other, err)
		}
	}
	return versions, nil
}

//go:embed migrations
var masterMigrations embed.FS

// MasterSchema returns the schema of the master database.
func MasterSchema() Schema {
	migrations, _ := fs.Sub(masterMigrations, "migrations")
	return Schema{
		Name: "tenantry master",
		Models: []any{
			&Tenant{}, &Domain{}, &RetiredSubdomain{}, &Operation{}, &Instance{}, &Acknowledgement{}, &TrafficCount{}, &ProcessLoad{},
			&MigrationRun{}, &Server{}, &ConnectionShare{}, &SchemaRecord{}, &Due{}, &Export{}, &Proof{}, &Chore{}, &MigrationCopy{}, &OperatorAccount{}, &OperatorToken{}, &WebhookSender{}, &Visit{}, &HandleQuestion{}, &HandleAnswer{}, &Installation{},
		},
		Migrations: MigrationsIn(migrations),
		NotCloned:  []string{"instances", "acknowledgements", "process_loads", "connection_shares", "webhook_senders", "handle_questions", "handle_answers"},
	}
}
