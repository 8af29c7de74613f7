package lifecycle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// Operator names who asked for an operation, for the ledger.
type Operator string

// System is the operator of scheduled operations, which no person asked for.
const System Operator = "system"

// ErrUnderWay is matched by every *UnderWayError.
var ErrUnderWay = errors.New("another operation is under way")

// UnderWayError means that an operation on the tenant is unfinished. Either a process works on it, or
// its owner died and another process resumes it within a minute.
type UnderWayError struct {
	Subdomain string
	Operation tenants.Operation
}

// Error describes the operation.
func (e *UnderWayError) Error() string {
	o := e.Operation
	text := fmt.Sprintf("%s of tenant %q is under way since %s (step %s, by %s)", o.Kind, e.Subdomain, o.StartedAt.UTC().Format(time.RFC3339), o.Step, o.By)
	if o.Error != "" {
		text += "; last error: " + o.Error
	}
	return text
}

// Unwrap returns ErrUnderWay.
func (e *UnderWayError) Unwrap() error { return ErrUnderWay }

// errTakenOver means that this process was counted as dead and another one resumed the operation.
var errTakenOver = errors.New("another process has taken the operation over")

// errUnchanged is returned by a mark that has nothing to do.
var errUnchanged = errors.New("nothing to do")

// step is a part of an operation. Until it is recorded, it may be repeated from its beginning
// at any time, also by another process.
type step struct {
	name string
	// do does the work outside of the master.
	do func(m *Manager, ctx context.Context, j *job) error
	// record changes the master, in the transaction that records the step. It may be nil.
	record func(tx *gorm.DB, j *job) error
	// stays means that the plan's undo leaves what the step did as it is. The step is recorded even if ctx ended
	// when it was done.
	stays bool
	// final means that the operation is not undone any more.
	final bool
}

// plan is the steps of a kind of operation. The operation's mark changes the master before the
// first step.
type plan struct {
	steps []step
	// undo is the steps to take if finishing is impossible. If it is nil, the operation is
	// never undone, only delayed.
	undo []step
	// undone changes the master when the operation begins to be undone.
	undone func(tx *gorm.DB, j *job) error
	// impatient makes any failure undo the operation at once, even one that may be temporary.
	// The operator repeats the operation.
	impatient bool
	// cancelled changes the master when an operator cancels the operation before its last step.
	// It may be nil.
	cancelled func(tx *gorm.DB, j *job) error
}

// params are the inputs of steps beside the tenant.
type params struct {
	// From is the state of the tenant before the operation.
	From tenants.State `json:"from,omitempty"`
	// To is the new subdomain, state or server, the subdomain of the other tenant, on or off, or read or write.
	To string `json:"to,omitempty"`
	// Name is the new display name.
	Name string `json:"name,omitempty"`
	// Limits are the limits that change, as people read them.
	Limits map[tenants.Limit]string `json:"limits,omitempty"`
	// Settings are the settings that change, as people type them; an empty text stands for the default.
	Settings map[string]string `json:"settings,omitempty"`
	// Message is what people are told during maintenance, and Until when it is expected to end.
	Message string     `json:"message,omitempty"`
	Until   *time.Time `json:"until,omitempty"`
	// RedirectUntil is the time until which requests for the old subdomain are redirected.
	RedirectUntil *time.Time `json:"redirect_until,omitempty"`
	// RemoveAfter is the time at which the data is removed.
	RemoveAfter *time.Time `json:"remove_after,omitempty"`
	// Hosts are the domains that a purge removed.
	Hosts []string `json:"hosts,omitempty"`
	// Host is the domain to add, verify or remove.
	Host string `json:"host,omitempty"`
	// FromVersion is the schema version of the tenant's database before a migration.
	FromVersion int64 `json:"from_version,omitempty"`
	// Version is the target schema version of the tenant's database. A build whose latest
	// version is older leaves the operation to other processes.
	Version int64 `json:"version,omitempty"`
	// KeepCopy says that a migration first keeps a copy of the database, and Run is the migration run whose copy is put back.
	KeepCopy bool   `json:"keep_copy,omitempty"`
	Run      string `json:"run,omitempty"`
	// Email is the address of the person who is given access.
	Email string `json:"email,omitempty"`
	// File is the path of the portable file whose rows a new tenant gets, and Of the id of the tenant that it is a clone of.
	File string `json:"file,omitempty"`
	Of   string `json:"of,omitempty"`
	// Database is the name of the database on the server to which the tenant moves.
	Database string `json:"database,omitempty"`
	// Left means that what is removed is the database that a move has left behind.
	Left bool `json:"left,omitempty"`
	// With is the id of the tenant that a swap exchanges this one with, and Part is the operation on that tenant.
	With string `json:"with,omitempty"`
	Part string `json:"part,omitempty"`
	// Reason is why a tenant is erased, WithoutBackups says that there are none, and Certificate is the result.
	Reason         string       `json:"reason,omitempty"`
	WithoutBackups bool         `json:"without_backups,omitempty"`
	Certificate    *Certificate `json:"certificate,omitempty"`
	// Credentials says whether an export includes credentials, and Rows how many rows it has.
	Credentials bool  `json:"credentials,omitempty"`
	Rows        int64 `json:"rows,omitempty"`
	// Jobs are the ids of the jobs that are retried; none for all.
	Jobs []string `json:"jobs,omitempty"`
	// BackupAt is when the state that was verified was backed up.
	BackupAt *time.Time `json:"backup_at,omitempty"`
}

// job is an operation with the inputs of its steps.
type job struct {
	op     tenants.Operation
	tenant tenants.Tenant
	params params
	plan   plan
	now    time.Time           // by the master's clock, in a transaction
	slots  *semaphore.Weighted // of a run of migrations; nil outside of one
	kept   *tenants.MigrationCopy
	ledger *RunLedger // writes the job's steps into the ledger; nil if the job writes them by itself

	// What is known to the process that began the operation alone: what an
	// adoption copies, and the function that adds an admin.
	source   string
	addAdmin func(ctx context.Context, t *tenants.Tenant) error
	client   func(ctx context.Context)
	progress func(done, all int)

	copying *copying // the copy of a move's first step; nil if there is none
}

// begin marks a tenant and records the operation, in one transaction. The caller must run the
// job. mark must set the job's tenant, whose row it has locked or created. An operation without
// steps is finished when begin returns. If mark returns errUnchanged, begin changes nothing.
func (m *Manager) begin(ctx context.Context, by Operator, kind tenants.OperationKind, mark func(tx *gorm.DB, j *job) error) (*job, error) {
	var j *job
	id := newID()
	m.store.Process().Hold(id)
	m.at(kind, "begin", "before")
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		var err error
		if j, err = m.newJob(tx, by, kind); err != nil {
			return err
		}
		j.op.ID = id
		if err := mark(tx, j); err != nil {
			return err
		}
		return j.write(tx)
	})
	if err != nil {
		m.store.Process().Release(id)
	}
	if errors.Is(err, errUnchanged) {
		return j, errUnchanged
	}
	if err != nil {
		return nil, err
	}
	m.at(kind, "begin", "after")
	return j, nil
}

// newJob returns a job of this process. Its operation is not stored yet.
func (m *Manager) newJob(tx *gorm.DB, by Operator, kind tenants.OperationKind) (*job, error) {
	now, err := m.master.Now(tx)
	if err != nil {
		return nil, err
	}
	return m.newJobAt(now, by, kind), nil
}

// newJobAt is newJob at a time of the master's clock.
func (m *Manager) newJobAt(now time.Time, by Operator, kind tenants.OperationKind) *job {
	instance := m.store.Process().ID()
	return &job{plan: planOf(kind), now: now, op: tenants.Operation{
		ID: newID(), Kind: kind, State: tenants.OperationRunning, Attempts: 1, By: string(by),
		InstanceID: &instance, StartedAt: now,
	}}
}

// write stores a new operation.
func (j *job) write(tx *gorm.DB) error {
	if err := j.compose(); err != nil {
		return err
	}
	err := tx.Create(&j.op).Error
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return fmt.Errorf("%w on tenant %q", ErrUnderWay, j.tenant.Subdomain)
	}
	return err
}

// compose fills in the row of a new operation.
func (j *job) compose() error {
	text, err := json.Marshal(j.params)
	if err != nil {
		return fmt.Errorf("write operation: %w", err)
	}
	j.op.TenantID, j.op.Params = j.tenant.ID, string(text)
	if j.op.Subdomain == "" {
		j.op.Subdomain = j.tenant.Subdomain
	}
	if j.op.By == "" {
		j.op.By = "operator"
	}
	j.moveTo(j.op.State, j.plan.steps, 0, j.now)
	return nil
}

// moveTo makes the i-th step the current one, or finishes the operation after the last.
func (j *job) moveTo(state tenants.OperationState, steps []step, i int, now time.Time) {
	j.op.State, j.op.UpdatedAt = state, now
	if i < len(steps) {
		j.op.Step = steps[i].name
		return
	}
	j.op.Step, j.op.InstanceID, j.op.FinishedAt = "", nil, &now
	j.op.State = tenants.OperationDone
	if state == tenants.OperationUndoing {
		j.op.State = tenants.OperationFailed
	}
}

// steps returns the steps of the operation's current direction.
func (j *job) steps() []step {
	if j.op.State == tenants.OperationUndoing {
		return j.plan.undo
	}
	return j.plan.steps
}

// stepIndex returns the index of the current step, or -1 if this program doesn't know it.
func (j *job) stepIndex() int {
	return slices.IndexFunc(j.steps(), func(s step) bool { return s.name == j.op.Step })
}

// run does the remaining steps. If one fails, run undoes the operation, or puts it back for another run
// to resume; a patient run undoes only what can't be finished later either. If it is unknown what was
// recorded, the operation is resumed from what the ledger says. When run returns, this process no longer
// holds the operation, even if that could not be recorded in the master.
func (m *Manager) run(ctx context.Context, j *job, patient bool) error {
	defer m.store.Process().Release(j.op.ID)
	defer m.store.Refresh(j.tenant.ID) // in particular, the name of a tenant that was created may be known as missing
	ctx, stop := m.store.Process().Context(ctx)
	defer stop()
	defer j.stopCopying()
	for j.op.FinishedAt == nil {
		err := m.store.TraceStep(ctx, &j.tenant, j.op.Kind, j.op.Step, func(ctx context.Context) error { return m.step(ctx, j) })
		if err == nil {
			continue
		}
		j.stopCopying()
		if j.mustUndo(err, patient) {
			return errors.Join(err, m.undo(ctx, j, err))
		}
		return errors.Join(err, m.putBack(ctx, j, err))
	}
	return nil
}

// mustUndo reports whether an operation whose step failed must be undone now.
func (j *job) mustUndo(err error, patient bool) bool {
	switch {
	case j.op.State != tenants.OperationRunning, j.plan.undo == nil:
		return false
	case slices.ContainsFunc(j.plan.steps, func(s step) bool { return s.name == j.op.Step && s.final }):
		return false
	case errors.Is(err, errTakenOver), errors.Is(err, tenants.ErrCommitUnknown), errors.Is(err, errNewerBuild), errors.Is(err, migrate.ErrUnclear):
		return false
	}
	return j.plan.impatient || !patient || !isTransient(err)
}

// isTransient reports whether what failed may succeed later.
func isTransient(err error) bool {
	if errors.Is(err, tenants.ErrNoDatabase) {
		return false
	}
	return errors.Is(err, tenants.ErrUnavailable) || errors.Is(err, tenants.ErrBusy) || errors.Is(err, tenants.ErrRetryable) ||
		errors.Is(err, tenants.ErrFull) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// step does the current step and records it.
func (m *Manager) step(ctx context.Context, j *job) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	steps, name, i := j.steps(), j.op.Step, j.stepIndex()
	if i < 0 {
		return fmt.Errorf("operation %s is at step %q, which this program doesn't know: a newer one has begun it", j.op.ID, name)
	}
	m.at(j.op.Kind, name, "before")
	if err := steps[i].do(m, ctx, j); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m.at(j.op.Kind, name, "done")
	if steps[i].stays {
		lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		ctx = lasting
	}
	if err := m.recordStep(ctx, j, steps, i); err != nil {
		return fmt.Errorf("record step %s: %w", name, err)
	}
	m.at(j.op.Kind, name, "after")
	return nil
}

// recordStep records that the i-th step is done.
func (m *Manager) recordStep(ctx context.Context, j *job, steps []step, i int) error {
	if j.ledger != nil && j.op.State == tenants.OperationRunning {
		return j.ledger.record(j)
	}
	return m.change(ctx, j, func(tx *gorm.DB, now time.Time) error {
		j.stepDone(steps, i, now)
		if steps[i].drains() { // another such step begins without acknowledgements
			if err := tx.Delete(&tenants.Acknowledgement{}, "operation_id = ?", j.op.ID).Error; err != nil {
				return err
			}
		}
		if steps[i].record == nil {
			return nil
		}
		return steps[i].record(tx, j)
	})
}

// drains reports whether other processes acknowledge the step.
func (s step) drains() bool { return s.name == tenants.StepDrain || s.name == tenants.StepLeave }

// stepDone moves the job behind the i-th step.
func (j *job) stepDone(steps []step, i int, now time.Time) {
	j.moveTo(j.op.State, steps, i+1, now)
	if j.op.State == tenants.OperationDone || j.op.State == tenants.OperationRunning {
		j.op.Error = ""
	}
}

// change changes the job in the master, unless another process has taken it over.
func (m *Manager) change(ctx context.Context, j *job, f func(tx *gorm.DB, now time.Time) error) error {
	was := j.op
	err := m.master.Update(ctx, func(tx *gorm.DB) error {
		j.op = was
		now, err := m.master.Now(tx)
		if err != nil {
			return err
		}
		var held tenants.Operation
		err = forUpdate(tx).Where("id = ? AND instance_id = ? AND state = ? AND step = ?", was.ID, was.InstanceID, was.State, was.Step).Take(&held).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return errTakenOver
		}
		if err != nil {
			return err
		}
		j.now = now
		if err := f(tx, now); err != nil {
			return err
		}
		if j.op.FinishedAt != nil {
			if err := tx.Delete(&tenants.Acknowledgement{}, "operation_id = ?", j.op.ID).Error; err != nil {
				return err
			}
		}
		return tx.Select("*").Omit("Acknowledgements").Updates(&j.op).Error
	})
	if err != nil {
		j.op = was
	}
	return err
}

// undoTimeout bounds the work that is done after the caller's context has ended.
const undoTimeout = 10 * time.Second

// undo undoes an operation, even if ctx has ended.
func (m *Manager) undo(ctx context.Context, j *job, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := m.change(ctx, j, func(tx *gorm.DB, now time.Time) error {
		j.op.Error = cause.Error()
		j.moveTo(tenants.OperationUndoing, j.plan.undo, 0, now)
		return j.plan.undone(tx, j)
	})
	if err != nil {
		return errors.Join(fmt.Errorf("undo: %w", err), m.putBack(ctx, j, cause))
	}
	m.at(j.op.Kind, "undo", "after")
	return m.run(ctx, j, true)
}

// putBack leaves an unfinished operation in the ledger without an owner, for another process to resume,
// even if ctx has ended.
func (m *Manager) putBack(ctx context.Context, j *job, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	err := m.change(ctx, j, func(_ *gorm.DB, now time.Time) error {
		j.op.InstanceID, j.op.UpdatedAt = nil, now
		if j.op.State == tenants.OperationRunning {
			j.op.Error = cause.Error()
		}
		return nil
	})
	if err == nil || errors.Is(err, errTakenOver) {
		return nil
	}
	return fmt.Errorf("put back the operation: %w", err)
}

// at reports a point of an operation to tests that end the process there.
func (m *Manager) at(kind tenants.OperationKind, step, moment string) {
	if m.interrupt != nil {
		m.interrupt(fmt.Sprintf("%s/%s/%s", kind, step, moment))
	}
}

// forUpdate makes reads on tx lock their rows until the scope ends. SQLite
// ignores it: there, whole scopes come one after another.
func forUpdate(tx *gorm.DB) *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }

// newID is a lower-case ULID.
func newID() string { return strings.ToLower(ulid.Make().String()) }
