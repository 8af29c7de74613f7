package tenants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// ErrStatementTime means that a statement took longer than the tenant's statements may, and was cancelled. The scope
// is rolled back, even if the statement ran inside a savepoint: SQLite and Postgres leave the transaction in
// different states.
var ErrStatementTime = errors.New("a statement took longer than the tenant's limit")

// timekeeper cancels the statements of a transaction that take longer than most. The time includes the reading of
// rows. A server that does so by itself keeps the connection, so the timekeeper gives it a grace; it is needed where
// a statement has changed the server's limit, or the server doesn't answer. The transaction's mutex protects the
// fields running and exceeded.
type timekeeper struct {
	most, grace time.Duration // most is 0 for no limit
	running     []timed       // statements whose rows may yet be read, latest last
	exceeded    error         // matches ErrStatementTime, or nil
}

// serverGrace is how much longer than its limit a statement may take on a server that limits statements by itself.
const serverGrace = 2 * time.Second

// timed is a statement that returns rows.
type timed struct {
	query  string
	begun  time.Time
	cancel context.CancelFunc
}

// StatementTimeLimit returns how long a statement may take in the scope that begins with ctx, for engines whose
// servers can enforce it. It is 0 if there is no limit.
func StatementTimeLimit(ctx context.Context) time.Duration {
	if s := scopeOf(ctx); s != nil {
		return s.limits.StatementTime
	}
	return 0
}

// limit returns the context for a statement. The caller must call cancel when the statement has ended.
func (t *transaction) limit(ctx context.Context) (limited context.Context, cancel context.CancelFunc) {
	if t.time.most == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, t.time.most+t.time.grace)
}

// limitRows is limit for a statement that returns rows. It ends with read, or with the scope: nothing tells when rows
// that the caller reads itself are closed, and afterwards the context does no harm.
func (t *transaction) limitRows(ctx context.Context, query string) context.Context {
	if t.time.most == 0 {
		return ctx
	}
	begun := time.Now()
	limited, cancel := t.limit(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.time.running = append(t.time.running, timed{query, begun, cancel})
	return limited
}

// read ends the latest statement that returned rows if it is this one. It returns err, or ErrStatementTime if the
// reading was cut short for its time.
func (t *transaction) read(query string, err error) error {
	if t.time.most == 0 {
		return err
	}
	latest := t.takeLatest(query)
	if latest.cancel == nil {
		return err
	}
	defer latest.cancel()
	return t.overtime(latest.begun, err)
}

// takeLatest removes the latest statement that returned rows if it is this one, else it returns the zero value.
func (t *transaction) takeLatest(query string) (latest timed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.time.running); n > 0 && t.time.running[n-1].query == query {
		latest, t.time.running = t.time.running[n-1], t.time.running[:n-1]
	}
	return latest
}

// overtime returns err, or ErrStatementTime if err means that the statement that begun then was cancelled for its
// time. The cause is not wrapped, so that it isn't taken for a reason to try again.
func (t *transaction) overtime(begun time.Time, err error) error {
	if err == nil || t.time.most == 0 || errors.Is(err, ErrStatementTime) || !t.isCut(err) || time.Since(begun) < t.time.most {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.time.exceeded = fmt.Errorf("%w of %v: %v", ErrStatementTime, t.time.most, err)
	return t.time.exceeded
}

// isCut reports whether a statement's error means that it was cancelled, by its context and not by the scope's, or by
// the server.
func (t *transaction) isCut(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState() == "57014" // query_canceled
	}
	return errors.Is(err, context.DeadlineExceeded) && t.ctx.Err() == nil
}

// explainTime returns err, the scope's error, or ErrStatementTime as well if a statement took too long.
func (t *transaction) explainTime(err error) error {
	if err == nil || t.time.most == 0 || errors.Is(err, ErrCommitUnknown) {
		return err
	}
	t.mu.Lock()
	running := t.time.running
	t.mu.Unlock()
	for _, s := range running { // those whose rows the scope's function has read itself
		err = t.overtime(s.begun, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.time.exceeded == nil || errors.Is(err, ErrStatementTime) {
		return err
	}
	return fmt.Errorf("%w: %w", t.time.exceeded, err)
}

// endTime stops the clocks of all statements.
func (t *transaction) endTime() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.time.running {
		s.cancel()
	}
	t.time.running = nil
}

// recordEnd is recordFailure for statements whose rows gorm has read.
func recordEnd(db *gorm.DB) {
	if t, ok := db.Statement.ConnPool.(*transaction); ok {
		db.Error = t.read(db.Statement.SQL.String(), db.Error)
	}
	recordFailure(db)
}
