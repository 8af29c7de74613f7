package jobs

import (
	"context"
	"errors"
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
