package tenants

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// beginner is what gorm holds as a handle's pool: it begins transactions and
// does nothing else, so that no statement runs outside of a scope.
type beginner struct {
	db *sql.DB
	// nested: the engine's comments nest, as those of Postgres do.
	nested bool
}

var _ gorm.ConnPoolBeginner = beginner{}

// BeginTx begins a transaction that decides over its own commit.
func (b beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if b.db == nil {
		return nil, errNoScope
	}
	tx, err := b.db.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &transaction{tx: tx, ctx: ctx, nested: b.nested, readOnly: opts != nil && opts.ReadOnly}, nil
}

var errNoScope = errors.New("statement outside of a scope")

// PrepareContext refuses: it is not in a scope.
func (beginner) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, errNoScope }

// ExecContext refuses: it is not in a scope.
func (beginner) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errNoScope
}

// QueryContext refuses: it is not in a scope.
func (beginner) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errNoScope
}

// QueryRowContext refuses: it is not in a scope. The row holds context.Canceled,
// the only error that a *sql.Row can be made to hold from outside.
func (b beginner) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	db := b.db
	if db == nil {
		db = &sql.DB{} // a base has no pool; the context ends it before one is used
	}
	return db.QueryRowContext(ended, query, args...)
}

// CommitTime bounds a COMMIT. Once it was sent nothing else ends it: no
// scope's timeout, no client that leaves, no drain and no lapse, for the caller
// would be told that nothing was stored while everything may be. It is long,
// because its end leaves the outcome unknown, and it is bounded, because those
// who wait for the scope's end, such as a drain, must not wait for ever.
const CommitTime = 10 * time.Second

// transaction is a scope's *sql.Tx as gorm sees it. It makes both engines
// behave as Postgres does: after a failed statement nothing more runs and
// nothing is committed, unless the failure was inside a savepoint that was
// rolled back. It refuses transaction control in raw SQL, and keeps the
// scope's hooks.
type transaction struct {
	tx       *sql.Tx
	ctx      context.Context
	nested   bool // beginner's
	readOnly bool
	returned atomic.Bool // the scope's function returned nil: gorm may commit
	over     atomic.Bool // no hook will run any more
	// unknown is set by Commit: the transaction may be stored or not.
	unknown bool

	mu         sync.Mutex // guards what follows
	failed     error      // the failure that stands, nil if none
	savepoints []savepoint
	hooks      hooks
}

// savepoint remembers which hooks stood when it was set.
type savepoint struct {
	name  string
	hooks hooks
}

var (
	_ gorm.ConnPool    = (*transaction)(nil)
	_ gorm.TxCommitter = (*transaction)(nil)
)

// PrepareContext prepares a statement; its executions are not watched, so it
// is refused: gorm calls it only with PrepareStmt, which PITFALLS rules out.
func (t *transaction) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errors.New("prepared statements are kept by the driver, not by the scope")
}

// ExecContext runs a statement that returns no rows.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.admit(query); err != nil {
		return nil, err
	}
	result, err := t.tx.ExecContext(ctx, query, args...)
	t.note(query, err)
	return result, err
}

// QueryContext runs a statement that returns rows.
func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.admitQuery(query); err != nil {
		return nil, err
	}
	rows, err := t.tx.QueryContext(ctx, query, args...)
	t.fail(err)
	return rows, err
}

// QueryRowContext runs a statement that returns a row. A *sql.Row can't be
// made to hold an error of ours, so what is not admitted runs under a context
// that has ended already: the row then holds context.Canceled, and the commit
// is refused with the true cause.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := t.admitQuery(query); err != nil {
		t.fail(err)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.tx.QueryRowContext(ended, query, args...)
	}
	row := t.tx.QueryRowContext(ctx, query, args...)
	t.fail(row.Err())
	return row
}

// Commit commits unless the scope's context has ended or a failure stands. It
// refuses while the scope's function runs, which may yet fail: tx.Commit() has
// no more place in a scope than a raw COMMIT has. What is read-only is rolled back instead: whatever its statements have made of the
// transaction, nothing is stored.
func (t *transaction) Commit() error {
	if !t.returned.Load() {
		err := fmt.Errorf("%w: Commit; the scope commits once its function returns nil", ErrForbiddenStatement)
		t.fail(err)
		return err
	}
	t.mu.Lock()
	failed := t.failed
	t.mu.Unlock()
	if failed != nil {
		return errors.Join(fmt.Errorf("%w: %w", ErrStatementFailed, failed), t.Rollback())
	}
	// database/sql hears of the end a moment later than those who wait for it,
	// and would commit meanwhile.
	if t.ctx.Err() != nil {
		return errors.Join(context.Cause(t.ctx), t.Rollback())
	}
	end := t.tx.Commit
	if t.readOnly {
		end = t.tx.Rollback
	}
	err := end()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrCommitUnknown):
		t.unknown = true
		return err
	case t.ctx.Err() != nil && (errors.Is(err, sql.ErrTxDone) || errors.Is(err, t.ctx.Err())):
		// database/sql rolled back when the context ended; no COMMIT took effect.
		return context.Cause(t.ctx)
	}
	return fmt.Errorf("%w: %w", ErrCommitFailed, err)
}

// Rollback undoes the transaction. One that is over already is no error.
func (t *transaction) Rollback() error {
	if err := t.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// admit says whether a statement may run.
func (t *transaction) admit(query string) error {
	if isForbidden(query, t.nested, t.readOnly) {
		return ErrForbiddenStatement
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		return nil
	}
	if verb, _ := savepointOf(query, t.nested); verb == "ROLLBACK" {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrStatementFailed, t.failed)
}

// admitQuery is admit for a statement that returns rows. Savepoints don't, and
// SQLite would run them only when the rows are read.
func (t *transaction) admitQuery(query string) error {
	if verb, _ := savepointOf(query, t.nested); verb != "" {
		return fmt.Errorf("%w: %s as a query; use Exec", ErrForbiddenStatement, verb)
	}
	return t.admit(query)
}

// fail records the failure of a statement.
func (t *transaction) fail(err error) {
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = err
	}
}

// note records what a statement without rows did to failure and savepoints.
func (t *transaction) note(query string, err error) {
	if err != nil {
		t.fail(err)
		return
	}
	verb, name := savepointOf(query, t.nested)
	if verb == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if verb == "SAVEPOINT" {
		t.savepoints = append(t.savepoints, savepoint{name, t.hooks})
		return
	}
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if t.savepoints[i].name != name {
			continue
		}
		if verb == "RELEASE" {
			t.savepoints = t.savepoints[:i]
			return
		}
		// No failure stood before the savepoint: nothing is admitted then.
		t.failed, t.hooks, t.savepoints = nil, t.savepoints[i].hooks, t.savepoints[:i+1]
		return
	}
}

// failures is the gorm plugin that tells the transaction of failures that come
// up only while rows are read, as those of INSERT … RETURNING do on SQLite.
type failures struct{}

var _ gorm.Plugin = failures{}

// Name is the key under which gorm keeps the plugin.
func (failures) Name() string { return "tenants:failures" }

// Initialize registers the plugin's callback last in each of gorm's chains.
func (failures) Initialize(db *gorm.DB) error {
	callback := db.Callback()
	return errors.Join(
		callback.Create().After("*").Register("tenants:failures", noteFailure),
		callback.Query().After("*").Register("tenants:failures", noteFailure),
		callback.Update().After("*").Register("tenants:failures", noteFailure),
		callback.Delete().After("*").Register("tenants:failures", noteFailure),
		callback.Row().After("*").Register("tenants:failures", noteFailure),
		callback.Raw().After("*").Register("tenants:failures", noteFailure),
	)
}

func noteFailure(db *gorm.DB) {
	if db.Error == nil || errors.Is(db.Error, gorm.ErrRecordNotFound) {
		return
	}
	if t, ok := db.Statement.ConnPool.(*transaction); ok {
		t.fail(db.Error)
	}
}
