package command

// migrateCommand groups the commands for schema versions.
type migrateCommand struct {
	Plan   planCommand   `cmd:"" help:"Show what migrating would do, and what is dangerous about it."`
	Up     upCommand     `cmd:"" help:"Migrate the tenants that are behind."`
	Down   downCommand   `cmd:"" help:"Undo the last migrations of one tenant."`
	Stop   stopCommand   `cmd:"" help:"Make a migration run stop after the tenants under way."`
	Accept acceptCommand `cmd:"" help:"Accept what a run has done, and remove the copies that it has kept."`
	Revert revertCommand `cmd:"" help:"Put back the copies that a run has kept."`
	Runs   runsCommand   `cmd:"" help:"List migration runs, or the tenants of one."`
	Status statusCommand `cmd:"" help:"Count tenants by schema version."`
}
