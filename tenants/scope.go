package tenants

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"gorm.io/gorm"
)

// Func runs in a scope. tx is valid until Func returns.
type Func = func(tx *gorm.DB) error

// ErrNestedScope means that a scope was begun inside a scope. Two leases in one call chain could
// wait for each other; use the outer scope's tx, or AfterCommit. A nested scope that doesn't use the
// outer scope's context is detected only if it would have to wait for a handle or for its turn to
// write. A scope begun in another goroutine, for which the outer scope waits, can't be detected.
var ErrNestedScope = errors.New("scope begun inside a scope")

// hook runs after a scope. err is the scope's error.
type hook func(ctx context.Context, err error)

// hooks are copied by value when a savepoint is set.
type hooks struct {
	commit, rollback []hook
	due              time.Time // from MarkDue, or zero
}

// AfterCommit calls f after the scope of tx has committed and released its lease. f may begin scopes
// of its own; the cancellation of the request doesn't cancel its ctx. A hook set inside a savepoint
// that is rolled back never runs, and no hook runs after ErrCommitUnknown. A panic in f is logged and
// the commit stands.
//
// A request's reply is sent before its hooks run: hooks can't change it, and the client doesn't wait
// for them. AfterCommit panics if the scope is over, because f would never run.
func AfterCommit(tx *gorm.DB, f func(ctx context.Context)) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hooks.commit = append(t.hooks.commit[:len(t.hooks.commit):len(t.hooks.commit)],
		func(ctx context.Context, _ error) { f(ctx) })
}

// BeforeCommitHooks calls f after the commit and before the hooks that were set with AfterCommit. If
// there are no hooks, f is not called. Package web uses it to answer the client.
func BeforeCommitHooks(tx *gorm.DB, f func()) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.hooks.commit) > 0 {
		t.hooks.commit = append([]hook{func(context.Context, error) { f() }}, t.hooks.commit...)
	}
}

// AfterRollback is like AfterCommit for a scope that is rolled back. err is the scope's error, or
// ErrPanicked after a panic. Use it to write what must survive a refused request, such as a count of
// failed sign-ins, in a scope of its own; the reply waits for the hook. It panics if the scope is
// over.
func AfterRollback(tx *gorm.DB, f func(ctx context.Context, err error)) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hooks.rollback = append(t.hooks.rollback[:len(t.hooks.rollback):len(t.hooks.rollback)], f)
}

// ErrPanicked is the error that AfterRollback hooks get if the scope panicked.
var ErrPanicked = errors.New("scope panicked")

// transactionOf returns the transaction of tx. It panics if tx belongs to no running scope, because
// hooks on it would never run.
func transactionOf(tx *gorm.DB) *transaction {
	t, ok := tx.Statement.ConnPool.(*transaction)
	if !ok {
		panic("tenants: hook on a *gorm.DB that is not of a scope")
	}
	if t.over.Load() {
		panic("tenants: hook on a scope that is over; set it before the scope's function returns")
	}
	return t
}

// scope is one run of a Func in a transaction.
type scope struct {
	log      *slog.Logger
	tenant   string        // the subdomain; empty for the master
	limits   Limits        // of the tenant, those in force
	settings *readSettings // of the tenant; nil for the master
	tally    *tally        // counts it; nil for the master
	called   time.Time     // when the caller asked for it, if tally is set
	waited   time.Duration // until the transaction began

	tenantID string    // empty for the master
	dues     *Dues     // nil for the master
	master   *Master   // nil for a tenant
	due      time.Time // when the tenant has work, if holdDue recorded that, or zero

	tracer  Tracer // may be nil
	endSpan func(o Outcome, waited time.Duration)

	mu          sync.Mutex // protects the fields below
	slowest     string     // the slowest statement of those that took notableStatement
	slowestTook time.Duration

	check func() error // called before the commit, which it can refuse; may be nil
	t     *transaction // nil until the transaction has begun
	turn  turn         // the fair turn that it takes
	err   error
}

// scopeKey is the context key of the running *scope.
type scopeKey struct{}

// scopeOf returns the scope that runs with ctx, or nil.
func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// run runs f in a transaction on db. It commits if f returns nil, no statement failed and ctx has not
// ended. After a panic it rolls back and panics again.
func (s *scope) run(ctx context.Context, db *gorm.DB, opts *sql.TxOptions, f Func) error {
	s.err = ErrPanicked
	ctx = context.WithValue(ctx, scopeKey{}, s)
	defer func() {
		if s.t != nil {
			s.t.over.Store(true)
			s.t.endTime() // also after a panic
			s.endDue()
		}
	}()
	s.err = db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		s.t = transactionOf(tx)
		if s.tally != nil {
			s.waited = time.Since(s.called)
			s.tally.waits.Add(s.waited)
		}
		if err := f(tx); err != nil {
			return s.translated(ctx, tx, err)
		}
		if err := s.holdDue(ctx); err != nil {
			return err
		}
		s.t.returned.Store(true)
		if s.check == nil {
			return nil
		}
		return s.check()
	}, opts)
	if s.t != nil {
		s.err = s.t.explainTime(s.err)
	}
	return s.err
}

// translated returns f's error as gorm translates it: f may have read rows without gorm, whose errors are the driver's. An
// error that looks like that of a broken connection is f's own, such as that of a request's body, if the connection works.
func (s *scope) translated(ctx context.Context, tx *gorm.DB, err error) error {
	translator, ok := tx.Dialector.(gorm.ErrorTranslator)
	if !ok {
		return err
	}
	translated := translator.Translate(err)
	if !errors.Is(translated, ErrUnavailable) || errors.Is(err, ErrUnavailable) {
		return translated
	}
	if _, broken := s.t.tx.ExecContext(ctx, "SELECT 1"); broken == nil || !errors.Is(translator.Translate(broken), ErrUnavailable) {
		return err
	}
	return translated
}

// mayHaveWritten reports whether the scope, which ended with err, may have changed the database.
func (s *scope) mayHaveWritten(err error) bool {
	return s.t != nil && !s.t.readOnly && (err == nil || s.t.unknown)
}

// runHooks runs the commit or the rollback hooks, according to the scope's outcome, or none if the
// outcome is unknown. It is called after the lease was released, even during a panic.
func (s *scope) runHooks(ctx context.Context) {
	if s.t == nil || s.t.unknown {
		return
	}
	s.t.mu.Lock()
	hooks := s.t.hooks
	s.t.mu.Unlock()
	chosen := hooks.commit
	if s.err != nil {
		chosen = hooks.rollback
	}
	if len(chosen) == 0 {
		return
	}
	ctx = context.WithValue(context.WithoutCancel(ctx), scopeKey{}, (*scope)(nil))
	for _, f := range chosen {
		s.runHook(ctx, f)
	}
}

func (s *scope) runHook(ctx context.Context, f hook) {
	defer func() {
		if v := recover(); v != nil {
			s.log.ErrorContext(ctx, "hook panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	f(ctx, s.err)
}
