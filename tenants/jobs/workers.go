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
	// Home is the database that has the job.
	Home Home
	// Attempt is 1 for the first attempt.
	Attempt int64
	// CreatedAt is when the job was written.
	CreatedAt time.Time
}

// Work says how jobs of a kind are run.
type Work struct {
	// Deadline is how long an attempt may take. Its context ends then, and with it its transaction. Defaults to one minute.
	Deadline time.Duration
	// MaxAttempts is how many attempts may fail, or end with their process, before the job is discarded. Defaults to 20, the last of which is two to three days
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
	outside bool // it runs outside of a scope
	run     func(a *attempt) error
}

// NewWorkers returns an empty registry.
func NewWorkers() *Workers { return &Workers{map[string]worker{}} }

// Clone returns a registry with the same workers.
func (w *Workers) Clone() *Workers { return &Workers{maps.Clone(w.byKind)} }

// Register makes work run jobs of tenants with arguments of type T, in a scope of the job's tenant. The job is completed if work
// returns nil and the scope commits. After an error, a panic or the deadline, nothing that work did on tx is stored and
// the job is tried again later, up to Work.MaxAttempts times; after an error of Discard it isn't. work must end soon after
// ctx does, and runs again if the process dies: what it does elsewhere must stand that. It panics if the kind has a worker.
func Register[T Args](w *Workers, work func(ctx context.Context, tx *gorm.DB, job *Job[T]) error, how Work) {
	add[T](w, how, false, func(a *attempt, how Work) error {
		return a.home.Update(a.ctx, func(tx *gorm.DB) error {
			job, err := jobOf[T](a)
			if err == nil {
				err = complete(tx, a.row)
			}
			if err != nil {
				return err
			}
			defer a.begin(how.Deadline)()
			if err := work(tx.Statement.Context, tx, job); err != nil {
				return &workError{err}
			}
			return comeBack(tx, a.row)
		})
	})
}

// RegisterOutside is Register for work that waits for other machines: it runs in no scope, so that no scope waits for it, and
// begins those that it needs on job.Home. The job is completed in a scope of its own if work returns nil. It is the only
// way for jobs without tenant.
func RegisterOutside[T Args](w *Workers, work func(ctx context.Context, job *Job[T]) error, how Work) {
	add[T](w, how, true, func(a *attempt, how Work) error {
		job, err := jobOf[T](a)
		if err != nil {
			return err
		}
		stop := a.begin(how.Deadline)
		err = work(a.ctx, job)
		stop()
		if err != nil {
			return err
		}
		return a.home.Update(a.saving, func(tx *gorm.DB) error {
			if err := complete(tx, a.row); err != nil {
				return err
			}
			return comeBack(tx, a.row)
		})
	})
}

// add registers a worker.
func add[T Args](w *Workers, how Work, outside bool, run func(a *attempt, how Work) error) {
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
	w.byKind[kind] = worker{how, outside, func(a *attempt) error { return run(a, how) }}
}

// jobOf returns the job of an attempt.
func jobOf[T Args](a *attempt) (*Job[T], error) {
	row := a.row
	job := &Job[T]{ID: row.ID, Home: a.home, Attempt: row.Attempt, CreatedAt: row.CreatedAt}
	if err := json.Unmarshal([]byte(row.Args), &job.Args); err != nil {
		return nil, &workError{fmt.Errorf("arguments of the job: %w", err)}
	}
	return job, nil
}

// kinds returns the kinds with a worker.
func (w *Workers) kinds() []string { return slices.Sorted(maps.Keys(w.byKind)) }
