package jobs_test

import (
	"context"
	"sync"
	"testing"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
)

// TestJobsHaveAClass: the connection of a job's scope counts for jobs, and for people again once a person uses it.
func TestJobsHaveAClass(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r, w := env.Tenant(t, "acme"), newRan(), jobs.NewWorkers()
		check := func(class string) {
			engine, err := env.Store.Server(tenant.Server)
			must(t, err)
			budgeted, ok := engine.(tenants.Budgeted)
			if !ok { // SQLite's files have no budget of connections
				return
			}
			for _, c := range budgeted.ConnectionClasses() {
				if (c.Name == class) != (c.Used == 1) {
					t.Errorf("%d connections are used by %s in a scope of %s", c.Used, c.Name, class)
				}
			}
		}
		jobs.Register(w, func(ctx context.Context, tx *gorm.DB, job *jobs.Job[step]) error {
			if !tenants.IsJob(ctx) || !tenants.IsJob(tx.Statement.Context) {
				t.Error("the scope isn't that of a job")
			}
			check("jobs")
			tenants.AfterCommit(tx, func(context.Context) { r.note(job.Args.Name) })
			return nil
		}, jobs.Work{})
		enqueue(t, env, tenant, step{"one"}, jobs.Options{})
		check("people")
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { jobs.New(env.Store, w, jobs.Config{}).Run(ctx) })
		r.await(t, "one")
		stop()
		running.Wait()
		must(t, env.Store.View(t.Context(), tenant, func(*gorm.DB) error { check("people"); return nil }))
	})
}
