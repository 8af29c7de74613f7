package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"tenantry/tenants"
)

var _ tenants.Tracer = (*Tracing)(nil)

// The attributes of this program's own spans.
const (
	tenantAttr  = "tenantry.tenant"
	serverAttr  = "tenantry.server"
	outcomeAttr = "tenantry.outcome"
	waitAttr    = "tenantry.wait_seconds"
	queryAttr   = "db.query.text"
	failureAttr = "error.type"
)

// Scope begins the span of a scope.
func (t *Tracing) Scope(ctx context.Context, tenant *tenants.Tenant) (context.Context, func(tenants.Outcome, time.Duration)) {
	ctx, span := t.tracer.Start(ctx, "scope", trace.WithAttributes(
		attribute.String(tenantAttr, tenant.Subdomain), attribute.String(serverAttr, tenant.Server),
	))
	return ctx, func(outcome tenants.Outcome, waited time.Duration) {
		span.SetAttributes(attribute.String(outcomeAttr, outcome.String()), attribute.Float64(waitAttr, waited.Seconds()))
		if outcome != tenants.Committed && outcome != tenants.Read {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Master begins the span of a scope on the master within another span. What runs by itself, such as heartbeats, isn't
// traced.
func (t *Tracing) Master(ctx context.Context) (context.Context, func(failed bool)) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ctx, nil
	}
	return t.span(ctx, "master")
}

// Command begins the span of a command. The caller must call end.
func (t *Tracing) Command(ctx context.Context, name string) (traced context.Context, end func(failed bool)) {
	return t.span(ctx, name)
}

// Step begins the span of a step of an operation.
func (t *Tracing) Step(ctx context.Context, tenant *tenants.Tenant, kind tenants.OperationKind, step string) (context.Context, func(failed bool)) {
	return t.span(ctx, string(kind)+": "+step, attribute.String(tenantAttr, tenant.Subdomain), attribute.String(serverAttr, tenant.Server))
}

func (t *Tracing) span(ctx context.Context, name string, attributes ...attribute.KeyValue) (context.Context, func(failed bool)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(attributes...))
	return ctx, func(failed bool) {
		if failed {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Statement begins the span of a statement. Values that stand in its text are left out.
func (t *Tracing) Statement(ctx context.Context, text string) func(failed bool) {
	_, span := t.tracer.Start(ctx, "statement", trace.WithSpanKind(trace.SpanKindClient))
	if span.IsRecording() {
		span.SetAttributes(attribute.String(queryAttr, withoutValues(text)))
	}
	return func(failed bool) {
		if failed {
			span.SetAttributes(attribute.String(failureAttr, "statement"))
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// maxQuery limits the length of a statement in a trace.
const maxQuery = 4 << 10

// withoutValues returns a statement with a question mark in place of each text between single quotes, and
// cut if it is long. What follows a dollar quote is cut too.
func withoutValues(text string) string {
	short := make([]byte, 0, min(len(text), maxQuery))
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case len(short) == maxQuery:
			return string(short) + " …"
		case text[i] == '\'':
			if quoted = !quoted; quoted {
				short = append(short, '?')
			}
		case quoted:
		case text[i] == '$' && i+1 < len(text) && (text[i+1] < '0' || text[i+1] > '9'):
			return string(short) + " …"
		default:
			short = append(short, text[i])
		}
	}
	return string(short)
}
