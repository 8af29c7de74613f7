package tenants

import (
	"context"
	"log/slog"
	"time"
)

// Tracer traces scopes and their statements. It must be safe for concurrent use.
type Tracer interface {
	// Scope begins a span for a scope on the tenant, which runs with the context that Scope returns. end is
	// called once, with how long the scope took until its transaction began.
	Scope(ctx context.Context, t *Tenant) (traced context.Context, end func(o Outcome, waited time.Duration))
	// Statement begins a span for a statement in a scope. text has placeholders in place of the bound
	// values. end is called once.
	Statement(ctx context.Context, text string) (end func(failed bool))
}

// trace begins the span of a scope, if there is a tracer.
func (s *Store) trace(ctx context.Context, sc *scope, t *Tenant) context.Context {
	if s.tracer == nil {
		return ctx
	}
	sc.tracer = s.tracer
	ctx, sc.endSpan = s.tracer.Scope(ctx, t)
	return ctx
}

// note counts a scope that has ended, ends its span, and logs it if it was slow.
func (s *Store) note(ctx context.Context, sc *scope, err error) {
	outcome := outcomeOf(sc, err)
	s.tally.ended[outcome].Add(1)
	if sc.endSpan != nil {
		sc.endSpan(outcome, sc.waited)
	}
	if took := time.Since(sc.called); took >= s.slow && sc.t != nil {
		sc.logSlow(ctx, outcome, took)
	}
}

// logSlow logs a slow scope with its slowest statement, without values.
func (s *scope) logSlow(ctx context.Context, outcome Outcome, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("tenant", s.tenant), slog.String("outcome", outcome.String()),
		slog.Int64("duration_ms", took.Milliseconds()), slog.Int64("waited_ms", s.waited.Milliseconds()),
	}
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		attrs = append(attrs, slog.String("request_id", id))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slowest != "" {
		attrs = append(attrs, slog.String("statement", s.slowest), slog.Int64("statement_ms", s.slowestTook.Milliseconds()))
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "slow scope", attrs...)
}

// remember keeps the statement if it is the slowest one.
func (s *scope) remember(text string, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.slowestTook {
		s.slowest, s.slowestTook = text, took
	}
}

// traceStatement begins the span of a statement, if there is a tracer. The caller must end it.
func (t *transaction) traceStatement(ctx context.Context, text string) (end func(err error)) {
	if t.tracer == nil {
		return func(error) {}
	}
	endSpan := t.tracer.Statement(ctx, text)
	return func(err error) { endSpan(err != nil) }
}
