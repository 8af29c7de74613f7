package command

// backupCommand groups the commands for backups.
type backupCommand struct {
	Status backupStatusCommand `cmd:"" help:"Show how the backups of all tenants stand."`
	List   backupListCommand   `cmd:"" help:"List the points in time to which a tenant can be restored."`
	Run    backupRunCommand    `cmd:"" help:"Back up tenants now."`
	Verify backupVerifyCommand `cmd:"" help:"Restore the newest backups of tenants, and check what comes out."`
	Key    backupKeyCommand    `cmd:"" help:"Show the key of a tenant's backups, for a recovery with other tools."`

	Recover backupRecoverCommand `cmd:"" help:"Bring back a lost installation: the master and every tenant."`
}
