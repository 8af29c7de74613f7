package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// takeSQL deletes the first job that is due and returns it. A job that another process runs is passed over, where two
// scopes can write at the same time.
const takeSQL = `DELETE FROM jobs WHERE id = (
	SELECT id FROM jobs WHERE state = 'available' AND scheduled_at <= ? AND kind IN ? ORDER BY scheduled_at, id LIMIT 1%s
) RETURNING *`

// attempt runs the first job of the tenant that is due, in a scope that also removes it. It returns false if there is none,
// and an error if the tenant can't be used. A job that fails is put off or discarded.
func (r *Runner) attempt(ctx context.Context, t *tenants.Tenant) (found bool, err error) {
	var row Row
	attempting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = r.update(attempting, t, func(tx *gorm.DB) error {
		if found, err = take(tx, &row, r.kinds); err != nil || !found {
			return err
		}
		w := r.workers.byKind[row.Kind]
		timer := time.AfterFunc(w.Deadline, func() { cancel(fmt.Errorf("%w of %v", errDeadline, w.Deadline)) })
		defer timer.Stop()
		if err := w.run(tx.Statement.Context, tx, row); err != nil {
			return &workError{err}
		}
		return comeBack(tx, row)
	})
	switch {
	case err == nil, !found:
		return found, err
	case ctx.Err() != nil:
		return false, context.Cause(ctx) // the process stops, and the job with it: that isn't the job's failure
	case errors.Is(err, tenants.ErrCommitUnknown):
		return true, nil // it is either done or still there
	case isRefused(err):
		return false, err
	}
	return true, r.fail(ctx, t, row, cause(attempting, err))
}

// errDeadline is the cause of the end of an attempt's context.
var errDeadline = errors.New("the attempt reached its deadline")

// workError is an error that a worker returned.
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

// take removes the first job that is due.
func take(tx *gorm.DB, row *Row, kinds []string) (found bool, err error) {
	lock := ""
	if tx.Name() == "postgres" {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	var rows []Row
	err = tx.Raw(fmt.Sprintf(takeSQL, lock), instant(time.Now()), kinds).Scan(&rows).Error
	if err != nil || len(rows) == 0 {
		return false, err
	}
	*row = rows[0]
	return true, nil
}

// update is the store's Update. A panic becomes an error.
func (r *Runner) update(ctx context.Context, t *tenants.Tenant, f tenants.Func) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &workError{fmt.Errorf("the worker panicked: %v", v)}
			r.o.Log.ErrorContext(ctx, "a job panicked", "tenant", t.Subdomain, "panic", v, "stack", string(debug.Stack()))
		}
	}()
	return r.store.Update(ctx, t, f)
}
