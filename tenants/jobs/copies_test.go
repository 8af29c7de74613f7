package jobs_test

import (
	"path/filepath"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// TestJobsGoAlong when their tenant is moved or created from a file, and don't with a clone. What is left in the master of
// a tenant that was removed goes.
func TestJobsGoAlong(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t), Second: tenantstest.SQLite}, func(t *testing.T, env *tenantstest.Env) {
		r, m := newRan(), env.Lifecycle
		enqueue(t, env, env.Tenant(t, "acme"), step{"job"}, jobs.Options{ScheduledAt: time.Now().Add(3 * time.Second)})
		moved, err := m.Move(t.Context(), "operator", "acme", tenantstest.Second)
		must(t, err)
		clone, err := m.Clone(t.Context(), "operator", "acme", lifecycle.NewTenant{Subdomain: "clone"})
		must(t, err)
		path := filepath.Join(t.TempDir(), "acme.db")
		_, err = m.Export(t.Context(), "operator", "acme", lifecycle.Export{Path: path})
		must(t, err)
		created, err := m.Create(t.Context(), lifecycle.NewTenant{Subdomain: "created", File: path})
		must(t, err)
		if n := len(rows(t, env, clone)); n > 0 {
			t.Errorf("the clone has %d jobs", n)
		}
		run(t, env, steps(r))
		r.await(t, "job")
		awaitNone(t, env, moved)
		awaitNone(t, env, created)
		if n := r.count("job"); n != 2 {
			t.Errorf("the job ran %d times, want once for each tenant that has it", n)
		}
	})
}

// TestDueOfRemovedTenants is deleted with them, and once more if a process gave it back afterwards.
func TestDueOfRemovedTenants(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		enqueue(t, env, tenant, step{"job"}, jobs.Options{ScheduledAt: time.Now().Add(time.Hour)})
		awaitDueRows(t, env, tenant, 0)
		awaitDue(t, env, 1)
		_, err := env.Lifecycle.Archive(t.Context(), "operator", "acme")
		must(t, err)
		_, err = env.Lifecycle.Purge(t.Context(), "operator", "acme", 0)
		must(t, err)
		must(t, env.Lifecycle.Tend(t.Context()))
		awaitDue(t, env, 0)
		must(t, env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error { return tenants.SetDue(tx, time.Now(), tenant.ID) }))
		run(t, env, steps(newRan()))
		awaitDue(t, env, 0)
	})
}

// TestTenantsMoveWhileTheirJobsRun: no job is lost, and each runs once.
func TestTenantsMoveWhileTheirJobsRun(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t), Second: tenantstest.SQLite}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r := env.Tenant(t, "acme"), newRan()
		run(t, env, steps(r))
		var names []string
		for i := range 200 {
			names = append(names, time.Duration(i).String())
		}
		must(t, env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
			for _, name := range names {
				must(t, jobs.Enqueue(tx, step{name}, jobs.Options{}))
			}
			return nil
		}))
		_, err := env.Lifecycle.Move(t.Context(), "operator", "acme", tenantstest.Second)
		must(t, err)
		r.await(t, names...)
		for _, name := range names {
			if n := r.count(name); n != 1 {
				t.Errorf("job %s ran %d times", name, n)
			}
		}
	})
}
