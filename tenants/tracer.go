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
	// Master begins a span for a scope on the master, which runs with the context that Master returns. end is called
	// once. It may return a nil end for a scope that isn't traced, such as a heartbeat.
	Master(ctx context.Context) (traced context.Context, end func(failed bool))
	// Step begins a span for a step of an operation on the tenant, which runs with the context that Step returns. end is
	// called once.
	Step(ctx context.Context, t *Tenant, kind OperationKind, step string) (traced context.Context, end func(failed bool))
	// Statement begins a span for a statement in a scope, or for its BEGIN, COMMIT or ROLLBACK. text has placeholders in
	// place of the bound values. end is called once.
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

// TraceStep runs a step of an operation on the tenant, in a span if there is a tracer.
func (s *Store) TraceStep(ctx context.Context, t *Tenant, kind OperationKind, step string, run func(ctx context.Context) error) error {
	if s.tracer == nil {
		return run(ctx)
	}
	ctx, end := s.tracer.Step(ctx, t, kind, step)
	failed := true // also after a panic
	defer func() { end(failed) }()
	err := run(ctx)
	failed = err != nil
	return err
}

// Trace makes a tracer trace the scopes that begin from now on.
func (m *Master) Trace(tracer Tracer) { m.tracer.Store(&tracer) }

// traced runs run with a scope, in a span if there is a tracer.
func (m *Master) traced(ctx context.Context, run func(ctx context.Context, s *scope) error) error {
	s := scope{log: slog.Default(), master: m}
	defer s.runHooks(ctx)
	tracer := m.tracer.Load()
	if tracer == nil {
		return run(ctx, &s)
	}
	ctx, end := (*tracer).Master(ctx)
	if end == nil {
		return run(ctx, &s)
	}
	s.tracer = *tracer
	failed := true // also after a panic
	defer func() { end(failed) }()
	err := run(ctx, &s)
	failed = err != nil
	return err
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
	return traceStatement(ctx, t.tracer, text)
}

func traceStatement(ctx context.Context, tracer Tracer, text string) (end func(err error)) {
	if tracer == nil {
		return func(error) {}
	}
	endSpan := tracer.Statement(ctx, text)
	return func(err error) { endSpan(err != nil) }
}
