package command

// migrateCommand groups the commands for schema versions.
type migrateCommand struct {
	Up     upCommand     `cmd:"" help:"Migrate every tenant that is behind."`
	Status statusCommand `cmd:"" help:"Count tenants by schema version."`
}
