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

// beginner is the pool that gorm gets for a handle. It can only begin transactions, so that no
// statement runs outside of a scope.
type beginner struct {
	db *sql.DB
	// nested means that comments nest, as on Postgres.
	nested bool
	// serverTimes means that the server enforces StatementTimeLimit.
	serverTimes bool
	// admit is Conns.Admit.
	admit func(ctx context.Context) error
	// values are what caches keep of the tenant; nil for the master.
	values *values
}

var _ gorm.ConnPoolBeginner = beginner{}

// BeginTx begins a transaction that controls its own commit.
func (b beginner) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	if b.db == nil {
		return nil, errNoScope
	}
	t := &transaction{ctx: ctx, nested: b.nested, readOnly: opts != nil && opts.ReadOnly, values: b.values}
	if b.values != nil {
		t.seen, t.quiet = b.values.generation() // before anything is read
	}
	var err error
	if t.tx, err = b.begin(ctx, opts); err != nil {
		return nil, err
	}
	if s := scopeOf(ctx); s != nil {
		t.tracer, t.time.most = s.tracer, s.limits.StatementTime
		if b.serverTimes {
			t.time.grace = serverGrace
		}
	}
	return t, nil
}

// begin waits for a connection and begins a transaction on it, in a span.
func (b beginner) begin(ctx context.Context, opts *sql.TxOptions) (tx *sql.Tx, err error) {
	if s := scopeOf(ctx); s != nil {
		end := traceStatement(ctx, s.tracer, "BEGIN")
		defer func() { end(err) }()
	}
	if b.admit != nil {
		if err := b.admit(ctx); err != nil {
			return nil, err
		}
	}
	return b.db.BeginTx(ctx, opts)
}

var errNoScope = errors.New("statement outside of a scope")

// PrepareContext returns an error, because the statement is outside of a scope.
func (beginner) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, errNoScope }

// ExecContext returns an error, because the statement is outside of a scope.
func (beginner) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errNoScope
}

// QueryContext returns an error, because the statement is outside of a scope.
func (beginner) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errNoScope
}

// QueryRowContext returns an error, because the statement is outside of a scope. The row's error is
// context.Canceled, the only one that a *sql.Row can be given from outside.
func (b beginner) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	db := b.db
	if db == nil {
		db = &sql.DB{} // a base has no pool; the cancelled context keeps it from being used
	}
	return db.QueryRowContext(ended, query, args...)
}

// CommitTime limits a COMMIT. Once COMMIT was sent, nothing else ends it: no timeout of the scope, no
// client that leaves, no drain and no lapse, because the caller would be told that nothing was stored
// while everything may be. The limit is long, because reaching it leaves the outcome unknown; it
// exists because those who wait for the scope, such as a drain, must not wait for ever.
const CommitTime = 10 * time.Second

// transaction is a scope's *sql.Tx, as gorm sees it. It makes both engines behave like Postgres: after
// a failed statement nothing more runs and nothing is committed, unless the failure was inside a
// savepoint that was rolled back. It refuses transaction control in raw SQL, and keeps the scope's
// hooks.
type transaction struct {
	tx       *sql.Tx
	ctx      context.Context
	nested   bool // as in beginner
	readOnly bool
	returned atomic.Bool // the scope's function returned nil: gorm may commit
	over     atomic.Bool // the scope is over: no statement runs, and no more hooks may be set
	tracer   Tracer      // may be nil
	ended    bool        // Commit or Rollback was called
	// unknown is set by Commit if the outcome of the COMMIT is unknown.
	unknown bool

	values    *values      // what caches keep of the tenant; nil for the master
	seen      uint64       // the generation of values when the transaction began
	quiet     bool         // no commit was under way then
	computing atomic.Int32 // values for caches that are being computed with the transaction

	mu         sync.Mutex // protects the fields below
	failed     error      // the failure that was not rolled back, or nil
	savepoints []savepoint
	hooks      hooks
	time       timekeeper
}

// savepoint records the hooks that were set before it.
type savepoint struct {
	name  string
	hooks hooks
}

var (
	_ gorm.ConnPool    = (*transaction)(nil)
	_ gorm.TxCommitter = (*transaction)(nil)
)

// PrepareContext returns an error, because the scope could not watch a prepared statement's
// executions. gorm calls it only with PrepareStmt, which PITFALLS rules out.
func (t *transaction) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errors.New("prepared statements are kept by the driver, not by the scope")
}

// ExecContext runs a statement that returns no rows.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.admit(query); err != nil {
		return nil, err
	}
	end := t.traceStatement(ctx, query)
	begun := time.Now()
	ctx, cancel := t.limit(ctx)
	defer cancel()
	result, err := t.tx.ExecContext(ctx, query, args...)
	err = t.overtime(begun, err)
	end(err)
	t.note(query, err)
	return result, err
}

// QueryContext runs a statement that returns rows.
func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.admitQuery(query); err != nil {
		return nil, err
	}
	end := t.traceStatement(ctx, query)
	begun := time.Now()
	rows, err := t.tx.QueryContext(t.limitRows(ctx, query), query, args...)
	err = t.overtime(begun, err)
	end(err)
	t.fail(err)
	return rows, err
}

// QueryRowContext runs a statement that returns a row. A *sql.Row can't be given an error of ours, so
// a refused statement runs with a cancelled context: the row's error is context.Canceled, and Commit
// returns the true cause.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := t.admitQuery(query); err != nil {
		t.fail(err)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.tx.QueryRowContext(ended, query, args...)
	}
	end := t.traceStatement(ctx, query)
	begun := time.Now()
	row := t.tx.QueryRowContext(t.limitRows(ctx, query), query, args...)
	end(row.Err())
	t.fail(t.overtime(begun, row.Err()))
	return row
}

// Commit commits unless the scope's context has ended or a statement has failed. It refuses while the
// scope's function runs, which may yet fail: tx.Commit() is as forbidden in a scope as a raw COMMIT.
// It rolls a read-only transaction back, so that nothing is stored whatever its statements did.
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
	// database/sql notices the end of the context a moment later than those who wait for it, and
	// would commit meanwhile.
	if t.ctx.Err() != nil {
		return errors.Join(context.Cause(t.ctx), t.Rollback())
	}
	text, end := "COMMIT", t.commit
	if t.readOnly {
		text, end = "ROLLBACK", t.tx.Rollback
	}
	err := t.end(text, end)
	switch {
	case err == nil:
		return nil
	case t.unknown:
		return err
	case t.ctx.Err() != nil && (errors.Is(err, sql.ErrTxDone) || errors.Is(err, t.ctx.Err())):
		// database/sql rolled back when the context ended; no COMMIT took effect.
		return context.Cause(t.ctx)
	}
	return fmt.Errorf("%w: %w", ErrCommitFailed, err)
}

// commit sends the COMMIT. What caches keep of the tenant ends before.
func (t *transaction) commit() error {
	if t.values != nil {
		t.values.changing()
	}
	err := t.tx.Commit()
	t.unknown = errors.Is(err, ErrCommitUnknown)
	if t.values != nil && !t.unknown {
		t.values.changed()
	}
	return err
}

// Rollback undoes the transaction. It returns nil if the transaction is over already.
func (t *transaction) Rollback() error {
	return t.end("ROLLBACK", func() error {
		if err := t.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
			return err
		}
		return nil
	})
}

// end ends the transaction in the way that text names, in a span unless it was ended before.
func (t *transaction) end(text string, run func() error) error {
	if t.ended {
		return run()
	}
	t.ended = true
	end := t.traceStatement(t.ctx, text)
	err := run()
	end(err)
	return err
}

// admit returns an error if a statement must not run.
func (t *transaction) admit(query string) error {
	if t.over.Load() {
		return ErrScopeOver
	}
	if isForbidden(query, t.nested, t.readOnly) {
		return ErrForbiddenStatement
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		return nil
	}
	if t.time.exceeded != nil {
		return fmt.Errorf("%w: %w", ErrStatementFailed, t.time.exceeded)
	}
	if verb, _ := savepointOf(query, t.nested); verb == "ROLLBACK" {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrStatementFailed, t.failed)
}

// admitQuery is admit for a statement that returns rows. Savepoint statements return none, and SQLite
// would run them only when the rows are read.
func (t *transaction) admitQuery(query string) error {
	if verb, _ := savepointOf(query, t.nested); verb != "" {
		return fmt.Errorf("%w: %s as a query; use Exec", ErrForbiddenStatement, verb)
	}
	return t.admit(query)
}

// hasFailed reports whether a statement failed and was not rolled back.
func (t *transaction) hasFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed != nil
}

// begun returns a time before the transaction began.
func (t *transaction) begun() time.Time { return scopeOf(t.ctx).called }

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

// note records how a statement without rows changed the failure and the savepoints.
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
		// There was no failure before the savepoint: its SAVEPOINT would not have been admitted.
		t.failed, t.hooks, t.savepoints = nil, t.savepoints[i].hooks, t.savepoints[:i+1]
		return
	}
}

// statementFailures is a gorm plugin that reports to the transaction statementFailures that occur only while rows are
// read, such as those of INSERT … RETURNING on SQLite.
type statementFailures struct{}

var _ gorm.Plugin = statementFailures{}

// Name returns the plugin's key in gorm.
func (statementFailures) Name() string { return "tenants:failures" }

// Initialize registers the plugin's callback last in each of gorm's chains.
func (statementFailures) Initialize(db *gorm.DB) error {
	callback := db.Callback()
	return errors.Join(
		callback.Create().After("*").Register("tenants:failures", recordEnd),
		callback.Query().After("*").Register("tenants:failures", recordEnd),
		callback.Update().After("*").Register("tenants:failures", recordEnd),
		callback.Delete().After("*").Register("tenants:failures", recordEnd),
		callback.Row().After("*").Register("tenants:failures", recordFailure),
		callback.Raw().After("*").Register("tenants:failures", recordEnd),
	)
}

func recordFailure(db *gorm.DB) {
	if db.Error == nil || errors.Is(db.Error, gorm.ErrRecordNotFound) {
		return
	}
	if t, ok := db.Statement.ConnPool.(*transaction); ok {
		t.fail(db.Error)
	}
}
