// Package tracing exports traces of requests, commands, scopes and statements over OTLP, as OpenTelemetry's
// environment variables say.
//
//	tracing.go  begins and ends the export
//	scopes.go   spans of commands, steps of operations, scopes and statements
//	requests.go spans of requests
//	scrub.go    lets only what is known to be harmless leave the process
//	log.go      adds the ids of traces to the log
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Environment variables, as OpenTelemetry defines them. The exporter and the SDK read more of them
// themselves.
const (
	endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	exporter       = "OTEL_TRACES_EXPORTER"
	disabled       = "OTEL_SDK_DISABLED"
)

// supported is the protocol that traces are exported with.
const supported = "http/protobuf"

// Wanted reports whether the environment names an endpoint for traces. Returns an error that names the
// variable if one can't be used.
func Wanted(lookup func(name string) string) (bool, error) {
	if lookup(disabled) == "true" || lookup(exporter) == "none" {
		return false, nil
	}
	wanted := false
	for _, name := range []string{endpoint, tracesEndpoint} {
		value := lookup(name)
		if value == "" {
			continue
		}
		wanted = true
		if u, err := url.Parse(value); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return false, fmt.Errorf("%s: want a URL such as http://127.0.0.1:4318", name) // it may hold a password
		}
	}
	for _, name := range []string{protocol, tracesProtocol} {
		if value := lookup(name); wanted && value != "" && value != supported {
			return false, fmt.Errorf("%s is %q: want %s", name, value, supported)
		}
	}
	return wanted, nil
}

// Tracing exports spans. It is safe for concurrent use.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// New returns a Tracing for the endpoint in the process's environment. The caller must close it. service
// names the program unless the environment does.
func New(ctx context.Context, service string, log *slog.Logger) (*Tracing, error) {
	client, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("export traces: %w", err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", service)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describe this process in traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&scrubber{SpanExporter: client, log: log}), sdktrace.WithResource(about))
	return &Tracing{provider, provider.Tracer(service), log}, nil
}

// closeTimeout limits the time in which the last spans are exported.
const closeTimeout = 5 * time.Second

// Close exports the spans that have ended. It logs an error, because traces that are lost don't make a
// program fail. Close of a nil Tracing does nothing.
func (t *Tracing) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("export the last traces", "error", err)
	}
}
