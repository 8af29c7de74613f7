package tenants

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"runtime/debug"

	"gorm.io/gorm"
)

// Func is what runs in a scope. tx is valid until it returns.
type Func = func(tx *gorm.DB) error

// ErrNestedScope: a scope was begun inside a scope. Two leases in one call
// chain can wait for each other; work on the tx at hand, or use AfterCommit. A
// scope whose context is not the outer one's is found where it would have to
// wait for a handle or for its turn to write. What can't be found is a scope
// begun in a goroutine for which the outer one waits.
var ErrNestedScope = errors.New("scope begun inside a scope")

// hook runs after a scope; err is what the scope returned.
type hook func(ctx context.Context, err error)

// hooks are copied by value when a savepoint is set.
type hooks struct{ commit, rollback []hook }

// AfterCommit runs f once the scope that tx belongs to is committed and its
// lease is given back. f may begin scopes of its own. ctx outlives the
// request's cancellation. A hook set inside a savepoint that is rolled back
// never runs, nor does any hook after ErrCommitUnknown. A panic in f is logged;
// the commit stands.
//
// The reply to a request is sent before its hooks run: hooks can't change it, and
// the client doesn't wait for them. AfterCommit panics when the scope is over,
// which is a fault of the program: f would never run.
func AfterCommit(tx *gorm.DB, f func(ctx context.Context)) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hooks.commit = append(t.hooks.commit[:len(t.hooks.commit):len(t.hooks.commit)],
		func(ctx context.Context, _ error) { f(ctx) })
}

// BeforeCommitHooks has f run after the commit and before the hooks that are set
// with AfterCommit, if there are any. Without hooks f doesn't run. It is for what
// answers the client: package web.
func BeforeCommitHooks(tx *gorm.DB, f func()) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.hooks.commit) > 0 {
		t.hooks.commit = append([]hook{func(context.Context, error) { f() }}, t.hooks.commit...)
	}
}

// AfterRollback is like AfterCommit, for a scope that was rolled back: by an
// error, which err holds, or by a panic, for which err is ErrPanicked. What
// must survive a refused request, such as a count of failed tries, is written
// here in a scope of its own; the reply waits for it. It panics as AfterCommit
// does.
func AfterRollback(tx *gorm.DB, f func(ctx context.Context, err error)) {
	t := transactionOf(tx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hooks.rollback = append(t.hooks.rollback[:len(t.hooks.rollback):len(t.hooks.rollback)], f)
}

// ErrPanicked is what AfterRollback hooks see when the scope panicked.
var ErrPanicked = errors.New("scope panicked")

// transactionOf panics when tx is not of a scope that runs: there would be
// nothing to hang a hook on, which is a fault of the program.
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
	log    *slog.Logger
	tenant string       // the subdomain, empty for the master
	check  func() error // asked before the commit; nil for nothing to ask
	t      *transaction // nil until begun
	err    error
}

// scopeKey leads from the context of a running scope to the *scope.
type scopeKey struct{}

// scopeOf is the scope that runs with ctx, or nil.
func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

// run runs f in a transaction on db and commits when f returns nil, no
// statement's failure stands and ctx has not ended. A panic goes on after the
// rollback.
func (s *scope) run(ctx context.Context, db *gorm.DB, opts *sql.TxOptions, f Func) error {
	s.err = ErrPanicked
	ctx = context.WithValue(ctx, scopeKey{}, s)
	defer func() {
		if s.t != nil {
			s.t.over.Store(true)
		}
	}()
	s.err = db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		s.t = transactionOf(tx)
		if err := f(tx); err != nil {
			return err
		}
		s.t.returned.Store(true)
		if s.check == nil {
			return nil
		}
		return s.check()
	}, opts)
	return s.err
}

// runHooks runs the hooks that the scope's fate calls for, none where that is
// unknown. It is called after the lease is given back, also while a panic is
// under way.
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
