package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

const (
	// busyPause and failedPause are how long a tenant is left alone if there is no room for its jobs now, and if its
	// database can't be used.
	busyPause, failedPause = time.Second, time.Minute
	// unknownPause is how long jobs of kinds without a worker here wait for a process that has one.
	unknownPause = time.Minute
)

// drain runs jobs in home that are due, for a turn or until ctx ends. It returns when the next one is due, or the zero
// time.
func (r *Runner) drain(ctx, running context.Context, home Home) (next time.Time, err error) {
	// Many looks find nothing, and only those that find a job wait for the turn to write.
	if next, err = r.next(running, home); err != nil || next.IsZero() || time.Now().Before(next) {
		return next, err
	}
	for begun := time.Now(); time.Since(begun) < turn && ctx.Err() == nil; {
		found, err := r.attempt(running, home)
		if err != nil {
			return next, err
		}
		if !found {
			return r.next(running, home)
		}
	}
	return time.Now(), nil
}

// next returns when the next job in home is due, or the zero time.
func (r *Runner) next(ctx context.Context, home Home) (next time.Time, err error) {
	if err := r.discardUnknown(ctx, home); err != nil {
		return next, err
	}
	err = home.View(ctx, func(tx *gorm.DB) error {
		if next, err = first(tx.Where("kind IN ?", r.kinds)); err != nil {
			return err
		}
		unknown, err := first(tx.Where("kind NOT IN ?", r.kinds))
		if err != nil || unknown.IsZero() {
			return err
		}
		if soon := time.Now().Add(unknownPause); unknown.Before(soon) {
			unknown = soon
		}
		if next.IsZero() || unknown.Before(next) {
			next = unknown
		}
		return nil
	})
	return next, err
}

// unknownLife is how long a job waits for a build that knows its kind. No upgrade takes longer, and until then another process may
// run the build that wrote the job.
const unknownLife = 7 * 24 * time.Hour

// discardUnknown discards a tenant's jobs that nothing has run for too long because no build here knows their kind. Schedules are left
// alone, and so are jobs without tenant, whose kinds several runners share.
func (r *Runner) discardUnknown(ctx context.Context, home Home) error {
	if home.Tenant == nil {
		return nil
	}
	now := instant(time.Now())
	forgotten := func(tx *gorm.DB) *gorm.DB {
		return tx.Model(&Row{}).Where("state = ? AND schedule = '' AND kind NOT IN ? AND scheduled_at < ?", Available, r.kinds, now.Add(-unknownLife))
	}
	var kinds []string
	err := home.View(ctx, func(tx *gorm.DB) error { return forgotten(tx).Distinct().Order("kind").Pluck("kind", &kinds).Error })
	if err != nil || len(kinds) == 0 {
		return err
	}
	r.o.Log.WarnContext(ctx, "jobs are discarded: no build that runs here knows their kind", "tenant", home.name(), "kinds", kinds)
	return home.Update(ctx, func(tx *gorm.DB) error {
		return forgotten(tx).Updates(map[string]any{
			"state": Discarded, "updated_at": now,
			"error": fmt.Sprintf("no build that ran in the last %d days knows this kind of job; run one that does, and retry the job", unknownLife/(24*time.Hour)),
		}).Error
	})
}

// first returns the earliest time of the selected jobs that wait, or the zero time.
func first(selected *gorm.DB) (time.Time, error) {
	var row Row
	err := selected.Select("scheduled_at").Where("state = ?", Available).Order("scheduled_at, id").Limit(1).Find(&row).Error
	return row.ScheduledAt, err
}

// pause returns how long to leave a tenant alone whose jobs can't run because of err.
func (r *Runner) pause(ctx context.Context, tenantID string, err error) time.Duration {
	jitter := 0.5 + rand.Float64()
	switch {
	case ctx.Err() != nil, errors.Is(err, tenants.ErrSuspended), errors.Is(err, tenants.ErrMaintenance), errors.Is(err, tenants.ErrUnknownTenant):
		return 0 // the tenant isn't active; it is looked at when it is, or when another process runs
	case errors.Is(err, tenants.ErrBusy), errors.Is(err, tenants.ErrRetryable), errors.Is(err, tenants.ErrTooManyScopes):
		return time.Duration(jitter * float64(busyPause))
	}
	pause := time.Duration(jitter * float64(failedPause))
	r.o.Log.WarnContext(ctx, "jobs of a tenant can't run", "tenant_id", tenantID, "again_in", pause.Round(time.Second), "error", err)
	return pause
}

// Drain runs the jobs of a tenant that are due, one after another, until none is: for tests, and for programs that don't
// serve. One that fails waits for its next attempt. Returns an error if the tenant can't be used.
func (r *Runner) Drain(ctx context.Context, t *tenants.Tenant) error {
	for home := (Home{r.store, t}); ; {
		if found, err := r.attempt(ctx, home); err != nil || !found {
			return err
		}
	}
}
