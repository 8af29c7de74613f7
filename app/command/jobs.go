package command

type jobsCommand struct {
	List  listJobsCommand  `cmd:"" help:"List the tenants that have jobs, or the jobs of a tenant."`
	Retry retryJobsCommand `cmd:"" help:"Run jobs again that were discarded."`
}
