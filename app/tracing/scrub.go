package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// scrubber exports spans without what may hold a secret or a value, whichever package recorded it: errors' texts,
// paths, queries, headers and addresses. otelgin records those of a request.
type scrubber struct {
	sdktrace.SpanExporter
	log     *slog.Logger
	failing atomic.Bool
}

// ExportSpans exports the spans. It logs the first error of an outage, and returns none: the SDK would
// write each to standard error.
func (s *scrubber) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	scrubbed := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		scrubbed[i] = scrubbedSpan{span}
	}
	err := s.SpanExporter.ExportSpans(ctx, scrubbed)
	if failed := err != nil; s.failing.Swap(failed) != failed && failed {
		s.log.WarnContext(ctx, "export traces", "error", err)
	}
	return nil
}

// scrubbedSpan is a span without what may hold a secret.
type scrubbedSpan struct{ sdktrace.ReadOnlySpan }

// Attributes returns those that are known to be harmless.
func (s scrubbedSpan) Attributes() (kept []attribute.KeyValue) {
	for _, a := range s.ReadOnlySpan.Attributes() {
		switch a.Key {
		case tenantAttr, serverAttr, outcomeAttr, waitAttr, queryAttr, failureAttr,
			"http.request.method", "http.response.status_code", "http.route", "http.response.body.size", "url.scheme", "network.protocol.version":
			kept = append(kept, a)
		}
	}
	return kept
}

// Events returns none: they have the texts of errors.
func (s scrubbedSpan) Events() []sdktrace.Event { return nil }

// Status returns the status without its description, which is the text of an error.
func (s scrubbedSpan) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}
