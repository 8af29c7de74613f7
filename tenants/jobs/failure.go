package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// longestBackoff is the longest wait between two attempts, before jitter.
const longestBackoff = 6 * time.Hour

// Backoff returns how long to wait for the next attempt after a number of failed ones: 1, 2, 4, … seconds, at most six hours,
// and up to a quarter more or less.
func Backoff(failed int64) time.Duration {
	wait := longestBackoff
	if failed < 15 {
		wait = min(wait, time.Second<<max(0, failed-1))
	}
	return time.Duration((0.75 + rand.Float64()/2) * float64(wait))
}

// Discard returns an error that makes the job of the worker that returns it be discarded without further attempts.
func Discard(err error) error { return &discardError{err} }

type discardError struct{ err error }

func (e *discardError) Error() string { return e.err.Error() }
func (e *discardError) Unwrap() error { return e.err }

// text returns the first 1,000 characters of an error, without those that Postgres doesn't store.
func text(err error) string {
	return fmt.Sprintf("%.1000s", strings.ReplaceAll(strings.ToValidUTF8(err.Error(), "\uFFFD"), "\x00", ""))
}

// fail puts off or discards a job of which an attempt failed. The row may be gone: another process has run it.
func (r *Runner) fail(ctx context.Context, home Home, row Row, took time.Duration, err error) error {
	w, outcome := r.workers.byKind[row.Kind], OutcomeRetried
	row.Error = text(err)
	row.UpdatedAt = instant(time.Now())
	row.ScheduledAt = instant(time.Now().Add(w.Backoff(row.Attempt)))
	var given *discardError
	if row.Attempt >= w.MaxAttempts || errors.As(err, &given) {
		row.State, outcome = Discarded, OutcomeDiscarded
	}
	r.o.Counts.end(row.Kind, outcome, took)
	r.o.Log.WarnContext(ctx, "a job failed", "tenant", home.name(), "job", row.ID, "kind", row.Kind, "attempt", row.Attempt, "state", row.State, "error", err)
	return home.Update(ctx, func(tx *gorm.DB) error {
		if row.State == Available {
			tenants.MarkDue(tx, row.ScheduledAt)
		}
		return store(tx, row, row.Attempt)
	})
}

// store stores what became of a job, if so many attempts have begun still. Of a discarded one it writes the occurrence that
// follows; the row is no longer that of a schedule.
func store(tx *gorm.DB, row Row, attempts int64) error {
	stored := row
	if row.State == Discarded {
		stored.Schedule = ""
	}
	change := tx.Model(&Row{}).Where("id = ? AND state = ? AND attempt = ?", row.ID, Available, attempts).
		Select("attempt", "error", "updated_at", "scheduled_at", "state", "schedule").Updates(stored)
	if change.Error != nil || change.RowsAffected == 0 {
		return change.Error
	}
	if row.State == Discarded {
		return comeBack(tx, row)
	}
	return nil
}
