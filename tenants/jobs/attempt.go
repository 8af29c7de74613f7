package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// attempt runs the first job in home that is due. It returns false if there is none, and an error if the database can't be
// used. A job that fails is put off or discarded.
func (r *Runner) attempt(ctx context.Context, home Home) (found bool, err error) {
	row, was, err := r.claim(ctx, home)
	if err != nil || row.ID == "" || row.State == Discarded {
		return row.ID != "", err
	}
	if home.Tenant == nil {
		r.wake() // another worker looks for the next one
	}
	attempting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun := time.Now()
	r.o.Counts.run(1)
	err = r.run(&attempt{ctx: attempting, saving: ctx, home: home, row: row, cancel: cancel})
	r.o.Counts.run(-1)
	took := time.Since(begun)
	switch {
	case err == nil:
		r.o.Counts.end(row.Kind, OutcomeDone, took)
		return true, nil
	case errors.Is(err, errGone):
		return true, nil
	case ctx.Err() != nil:
		r.giveBack(ctx, home, row, was) // the process stops, and the job with it: that isn't the job's failure
		return false, context.Cause(ctx)
	case errors.Is(err, tenants.ErrCommitUnknown):
		return true, nil // it is either done or still there
	case isRefused(err):
		r.giveBack(ctx, home, row, was)
		return false, err
	}
	return true, r.fail(ctx, home, row, took, cause(attempting, err))
}

// attempt is one run of a job.
type attempt struct {
	ctx    context.Context // ends with the deadline
	saving context.Context // doesn't
	home   Home
	row    Row
	cancel context.CancelCauseFunc
}

// begin makes the attempt end at its deadline. The caller must call stop.
func (a *attempt) begin(deadline time.Duration) (stop func() bool) {
	return time.AfterFunc(deadline, func() { a.cancel(fmt.Errorf("%w of %v", errDeadline, deadline)) }).Stop
}

// leaseMargin is how long the row of a job that runs outside of a scope is kept from other processes beyond its deadline,
// while its end is stored.
const leaseMargin = 10 * time.Second

// claim counts an attempt of the first job that is due, before it begins: a job that ends its process runs out of attempts,
// too. It returns the row as it is then, without ID if there is none, and when the job was due. The row is Discarded if it
// had no attempts left.
func (r *Runner) claim(ctx context.Context, home Home) (row Row, was time.Time, err error) {
	err = home.Update(ctx, func(tx *gorm.DB) error {
		row = Row{}
		now := instant(time.Now())
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("state = ? AND scheduled_at <= ? AND kind IN ?", Available, now, r.kinds).Order("scheduled_at, id").Limit(1).Find(&row).Error
		if err != nil || row.ID == "" {
			return err
		}
		w := r.workers.byKind[row.Kind]
		was, row.UpdatedAt = row.ScheduledAt, now
		if row.Attempt >= w.MaxAttempts {
			row.State, row.Error = Discarded, "the process ended during the last attempt"
			r.o.Log.WarnContext(ctx, "a job failed", "tenant", home.name(), "job", row.ID, "kind", row.Kind, "attempt", row.Attempt, "state", row.State, "error", row.Error)
			return store(tx, row, row.Attempt)
		}
		row.Attempt++
		row.ScheduledAt = instant(now.Add(w.Backoff(row.Attempt)))
		if until := instant(now.Add(w.Deadline + leaseMargin)); w.outside && until.After(row.ScheduledAt) {
			row.ScheduledAt = until
		}
		return store(tx, row, row.Attempt-1)
	})
	return row, was, err
}

// giveBack undoes claim, if it can.
func (r *Runner) giveBack(ctx context.Context, home Home, row Row, was time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTime)
	defer cancel()
	row.Attempt--
	row.ScheduledAt = was
	err := home.Update(ctx, func(tx *gorm.DB) error { return store(tx, row, row.Attempt+1) })
	if err != nil && !isRefused(err) {
		r.o.Log.WarnContext(ctx, "give a job back", "tenant", home.name(), "job", row.ID, "kind", row.Kind, "error", err)
	}
}

// giveBackTime bounds giveBack, which may run while the process stops.
const giveBackTime = 2 * time.Second

// errDeadline is the cause of the end of an attempt's context.
var errDeadline = errors.New("the attempt reached its deadline")

// errGone means that another process runs the job, or has run it.
var errGone = errors.New("the job isn't there any more")

// complete removes a job, in the scope in which its work is done.
func complete(tx *gorm.DB, row Row) error {
	deleted := tx.Delete(&Row{}, "id = ? AND attempt = ?", row.ID, row.Attempt)
	if deleted.Error == nil && deleted.RowsAffected == 0 {
		return errGone
	}
	return deleted.Error
}

// workError is an error that a worker returned in the scope of its job.
type workError struct{ err error }

func (e *workError) Error() string { return e.err.Error() }
func (e *workError) Unwrap() error { return e.err }

// cause returns why an attempt failed.
func cause(attempting context.Context, err error) error {
	if why := context.Cause(attempting); why != nil {
		return why
	}
	return err
}

// isRefused reports whether a scope failed because the tenant isn't served or has no room, and not because of its job.
func isRefused(err error) bool {
	var own *workError
	if errors.As(err, &own) {
		return false
	}
	return errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrMaintenance)
}

// run runs a job and removes it. A panic becomes an error.
func (r *Runner) run(a *attempt) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &workError{fmt.Errorf("the worker panicked: %v", v)}
			r.o.Log.ErrorContext(a.saving, "a job panicked", "tenant", a.home.name(), "panic", v, "stack", string(debug.Stack()))
		}
	}()
	return r.workers.byKind[a.row.Kind].run(a)
}
