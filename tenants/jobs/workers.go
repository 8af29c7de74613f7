package jobs

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Job is a job that runs.
type Job[T Args] struct {
	// ID is the same for all attempts and for no other job: the key for idempotence of what the worker does elsewhere.
	ID   string
	Args T
	// Attempt is 1 for the first attempt.
	Attempt int64
	// CreatedAt and ScheduledAt are when the job was written and when this attempt was due.
	CreatedAt, ScheduledAt time.Time
}

// Work says how jobs of a kind are run.
type Work struct {
	// Deadline is how long an attempt may take. Its context ends then, and with it its transaction. Defaults to one minute.
	Deadline time.Duration
	// MaxAttempts is how many attempts may fail before the job is discarded. Defaults to 20, the last of which is two to three days
	// after the first.
	MaxAttempts int64
	// Backoff returns how long to wait after a number of failed attempts. Defaults to Backoff.
	Backoff func(failed int64) time.Duration
}

// Workers are the workers of an application, by the kind of their jobs. They must not change once a Runner has them.
type Workers struct {
	byKind map[string]worker
}

// worker runs the jobs of a kind.
type worker struct {
	Work
	run func(ctx context.Context, tx *gorm.DB, row Row) error
}

// NewWorkers returns an empty registry.
func NewWorkers() *Workers { return &Workers{map[string]worker{}} }

// Register makes work run jobs with arguments of type T, in a scope of the job's tenant. The job is completed if work
// returns nil and the scope commits. After an error, a panic or the deadline, nothing that work did on tx is stored and
// the job is tried again later, up to Work.MaxAttempts times; after an error of Discard it isn't. work must end soon after
// ctx does, and runs again if the process dies: what it does elsewhere must stand that. It panics if the kind has a worker.
func Register[T Args](w *Workers, work func(ctx context.Context, tx *gorm.DB, job *Job[T]) error, how Work) {
	var zero T
	kind := zero.Kind()
	if _, twice := w.byKind[kind]; twice {
		panic(fmt.Sprintf("jobs: kind %q has two workers", kind))
	}
	how.Deadline = cmp.Or(how.Deadline, time.Minute)
	how.MaxAttempts = cmp.Or(how.MaxAttempts, 20)
	if how.Backoff == nil {
		how.Backoff = Backoff
	}
	w.byKind[kind] = worker{how, func(ctx context.Context, tx *gorm.DB, row Row) error {
		job := Job[T]{ID: row.ID, Attempt: row.Attempt + 1, CreatedAt: row.CreatedAt, ScheduledAt: row.ScheduledAt}
		if err := json.Unmarshal([]byte(row.Args), &job.Args); err != nil {
			return fmt.Errorf("arguments of the job: %w", err)
		}
		return work(ctx, tx, &job)
	}}
}

// kinds returns the kinds with a worker.
func (w *Workers) kinds() []string { return slices.Sorted(maps.Keys(w.byKind)) }
