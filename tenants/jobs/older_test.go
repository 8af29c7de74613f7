package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/wait"
)

// raw is a job as another build wrote it.
type raw struct {
	name, kind, args string
	age              time.Duration
	want             string // how it ends: the error of a discarded one; "done", or "waits"
}

// TestJobsOfOtherBuilds: missing fields are empty and additional ones are ignored; what can't be read, and what no build knows for a week, is
// kept with the reason; what another process may know waits. Nothing crashes and nothing holds up the other jobs.
func TestJobsOfOtherBuilds(t *testing.T) {
	t.Parallel()
	written := []raw{
		{"missing", "step", `{}`, 0, "done"}, {"none", "step", `null`, 0, "done"}, {"additional", "step", `{"Name":"additional","since":{"v":2}}`, 0, "done"},
		{"another type", "step", `{"Name":{"first":"a"}}`, 0, "arguments of the job"}, {"a list", "step", `[1]`, 0, "arguments of the job"},
		{"no JSON", "step", `{"Name":`, 0, "arguments of the job"}, {"empty", "step", ``, 0, "arguments of the job"},
		{"unknown", "newer.kind", `{}`, 6 * 24 * time.Hour, "waits"}, {"forgotten", "older.kind", `{"a":1}`, 8 * 24 * time.Hour, "knows this kind"},
	}
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, r, w := env.Tenant(t, "acme"), newRan(), jobs.NewWorkers()
		jobs.Register(w, func(_ context.Context, tx *gorm.DB, job *jobs.Job[step]) error {
			tenants.AfterCommit(tx, func(context.Context) { r.note("step " + job.Args.Name) })
			return nil
		}, jobs.Work{MaxAttempts: 2, Backoff: func(int64) time.Duration { return time.Millisecond }})
		write := func(tx *gorm.DB) error {
			for i, j := range written {
				at := time.Now().UTC().Add(-j.age)
				row := jobs.Row{ID: fmt.Sprintf("%026d", i), Kind: j.kind, Args: j.args, State: jobs.Available, ScheduledAt: at, CreatedAt: at, UpdatedAt: at}
				if err := tx.Create(&row).Error; err != nil {
					return err
				}
			}
			tenants.MarkDue(tx, time.Now())
			return nil
		}
		must(t, env.Store.Update(t.Context(), tenant, write))
		run(t, env, w)
		r.await(t, "step ", "step additional")
		want := slices.DeleteFunc(slices.Clone(written), func(j raw) bool { return j.want == "done" })
		isAsWanted := func(row jobs.Row, j raw) bool {
			isDiscarded := row.State == jobs.Discarded && j.want != "waits" && strings.Contains(row.Error, j.want)
			isWaiting := row.State == jobs.Available && j.want == "waits" && row.Attempt == 0
			return (isDiscarded || isWaiting) && row.Args == j.args
		}
		wait.For(t, "jobs as wanted", func() []jobs.Row { return rows(t, env, tenant) }, func(found []jobs.Row) bool {
			return slices.EqualFunc(found, want, isAsWanted)
		})
		if n := r.count("step "); n != 2 {
			t.Errorf("%d jobs without fields ran", n)
		}
		n, err := jobs.Retry(t.Context(), env.Store, tenant, fmt.Sprintf("%026d", len(written)-1))
		if err != nil || n != 1 {
			t.Errorf("run again: %d, %v", n, err)
		}
	})
}
