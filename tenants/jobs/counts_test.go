package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants/jobs"
	"tenantry/tenants/tenantstest"
)

// TestAttemptsAreCounted by kind and outcome, and those that run.
func TestAttemptsAreCounted(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: schema(t)}, func(t *testing.T, env *tenantstest.Env) {
		tenant, w, counts := env.Tenant(t, "acme"), jobs.NewWorkers(), &jobs.Counts{}
		jobs.Register(w, func(_ context.Context, _ *gorm.DB, job *jobs.Job[step]) error {
			if _, running := counts.Tallies(); running != 1 {
				t.Errorf("%d run", running)
			}
			switch job.Args.Name {
			case "bad":
				return jobs.Discard(errors.ErrUnsupported)
			case "late":
				return errors.ErrUnsupported
			}
			return nil
		}, jobs.Work{Backoff: func(int64) time.Duration { return time.Hour }})
		for _, name := range []string{"good", "good", "bad", "late"} {
			enqueue(t, env, tenant, step{name}, jobs.Options{})
		}
		must(t, jobs.New(env.Store, w, jobs.Config{Counts: counts, Log: slog.New(slog.DiscardHandler)}).Drain(t.Context(), tenant))
		ended, running := counts.Tallies()
		got := map[jobs.Outcome]int64{}
		for _, tally := range ended {
			got[tally.Outcome] = tally.Count
			if tally.Kind != "step" || tally.Took <= 0 {
				t.Errorf("%+v", tally)
			}
		}
		if running != 0 || got[jobs.OutcomeDone] != 2 || got[jobs.OutcomeRetried] != 1 || got[jobs.OutcomeDiscarded] != 1 {
			t.Errorf("%d run, ended %v", running, got)
		}
	})
}
