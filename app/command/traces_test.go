package command

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver receives spans over OTLP.
type receiver struct {
	*httptest.Server

	mu    sync.Mutex
	raw   strings.Builder // what was sent
	spans []*trace.Span
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var sent collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &sent)
		}
		if err != nil || request.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", request.URL, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.raw.Write(body)
		for _, resource := range sent.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				r.spans = append(r.spans, scope.Spans...)
			}
		}
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(r.Close)
	return r
}

// named returns the spans with a name.
func (r *receiver) named(name string) (found []*trace.Span) {
	for _, span := range r.spans {
		if span.Name == name {
			found = append(found, span)
		}
	}
	return found
}

// attr returns an attribute of a span as text.
func attr(span *trace.Span, key string) string {
	for _, a := range span.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

// TestTraces exports the spans of requests, scopes and statements, one within the other, without
// a value or a secret, and the log names the traces.
func TestTraces(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		received := newReceiver(t)
		s.create(t, "acme")
		srv := s.with("OTEL_EXPORTER_OTLP_ENDPOINT=" + received.URL).spawn(t)
		const secret, stranger = "Zanzibar", "0af7651916cd43dd8448eb211c80319c"
		if r := srv.post(t, "acme", "/api/projects", `{"name":"`+secret+`"}`); r.status != http.StatusCreated {
			t.Fatalf("%+v", r)
		}
		srv.as(t, srv.bearer(t, "acme")+"Traceparent: 00-"+stranger+"-b7ad6b7169203331-01\r\nUser-Agent: "+secret+"\r\n",
			"GET", "acme", "/api/projects/nothing-"+secret, "")
		srv.get(t, "acme", "/"+secret+"?token="+secret)
		if status := srv.stop(t); status != exitDone {
			t.Fatalf("status %d: %s", status, srv.log)
		}
		received.mu.Lock()
		defer received.mu.Unlock()
		raw := received.raw.String()
		token, _, _ := strings.Cut(strings.TrimPrefix(srv.bearer(t, "acme"), "Authorization: Bearer "), "\r")
		for _, hidden := range []string{secret, password, token, admin("acme"), "127.0.0.1", "exception"} {
			if strings.Contains(raw, hidden) {
				t.Errorf("the traces hold %q", hidden)
			}
		}
		created := received.named("POST /api/projects")
		if len(created) != 1 || attr(created[0], "http.route") != "/api/projects" {
			t.Fatalf("%d spans of the request among %d", len(created), len(received.spans))
		}
		received.expectWhole(t, created[0])
		scope, statement := received.under(created[0])
		if statement == nil || attr(scope, "tenantry.tenant") != "acme" || attr(scope, "tenantry.outcome") != "committed" {
			t.Errorf("the request's scope %v with the statement %v", scope, statement)
		}
		for _, span := range received.spans {
			if hex.EncodeToString(span.TraceId) == stranger {
				t.Errorf("a stranger's trace is continued: %v", span.Name)
			}
		}
		if want := `"trace_id":"` + hex.EncodeToString(created[0].TraceId) + `"`; !strings.Contains(srv.log.String(), want) {
			t.Errorf("the log lacks %s: %s", want, srv.log)
		}
	})
}

// under returns the scope of a request in which a project was inserted, and that statement.
func (r *receiver) under(request *trace.Span) (scope, statement *trace.Span) {
	for _, statement := range r.named("statement") {
		for _, scope := range r.named("scope") {
			if string(statement.ParentSpanId) == string(scope.SpanId) && string(scope.ParentSpanId) == string(request.SpanId) &&
				isInsert(attr(statement, "db.query.text")) {
				return scope, statement
			}
		}
	}
	return nil, nil
}

// below returns the texts of the statements of the scopes with a name below a span.
func (r *receiver) below(parent *trace.Span, name string) (texts []string) {
	for _, scope := range r.named(name) {
		if string(scope.ParentSpanId) != string(parent.SpanId) {
			continue
		}
		for _, statement := range r.named("statement") {
			if string(statement.ParentSpanId) == string(scope.SpanId) {
				texts = append(texts, attr(statement, "db.query.text"))
			}
		}
	}
	return texts
}

// expectWhole checks that below the span of a request is how its transactions begin and end.
func (r *receiver) expectWhole(t *testing.T, request *trace.Span) {
	t.Helper()
	texts := r.below(request, "scope")
	for _, text := range []string{"BEGIN", "COMMIT"} {
		if !slices.Contains(texts, text) {
			t.Errorf("no %s among %q", text, texts)
		}
	}
}

// TestTracesOfCommands has below the span of a command the steps of its operations and what it asks of the master; no
// value is in them. What a server does by itself, such as its heartbeats, isn't traced.
func TestTracesOfCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		received := newReceiver(t)
		s = s.with("OTEL_EXPORTER_OTLP_ENDPOINT=" + received.URL)
		const secret = "Zanzibar"
		if r := s.process(t, nil, "tenant", "create", "acme", "--name="+secret, "--admin-email="+secret+"@acme.example"); r.status != exitDone {
			t.Fatalf("%+v", r)
		}
		if r := s.process(t, nil, "migrate", "up"); r.status != exitDone {
			t.Fatalf("%+v", r)
		}
		if r := s.process(t, nil, "tenant", "create", "acme"); r.status != exitFailed {
			t.Fatalf("%+v", r)
		}
		received.mu.Lock()
		defer received.mu.Unlock()
		if strings.Contains(received.raw.String(), secret) {
			t.Error("the traces hold a value")
		}
		created, migrated := received.named("tenantry tenant create"), received.named("tenantry migrate up")
		if len(created) != 2 || len(migrated) != 1 {
			t.Fatalf("spans: %v", received.spans)
		}
		if ok, refused := created[0].GetStatus().GetCode(), created[1].GetStatus().GetCode(); ok == trace.Status_STATUS_CODE_ERROR || refused != trace.Status_STATUS_CODE_ERROR {
			t.Errorf("status of a command that is done %v, and of one that failed %v", ok, refused)
		}
		for _, command := range []*trace.Span{created[0], migrated[0]} {
			texts := received.below(command, "master")
			for _, text := range []string{"BEGIN", "COMMIT", "ROLLBACK"} {
				if !slices.Contains(texts, text) {
					t.Errorf("%s: no %s among %q", command.Name, text, texts)
				}
			}
		}
		steps := 0
		for _, span := range received.spans {
			if strings.HasPrefix(span.Name, "create: ") && string(span.ParentSpanId) == string(created[0].SpanId) && attr(span, "tenantry.tenant") == "acme" {
				steps++
			}
			if span.Name == "master" && len(span.ParentSpanId) == 0 {
				t.Error("a scope on the master is traced by itself")
			}
		}
		if steps < 2 {
			t.Errorf("%d steps of the operation", steps)
		}
	})
}

func isInsert(text string) bool {
	return strings.HasPrefix(text, "INSERT INTO \"projects\"") || strings.HasPrefix(text, "INSERT INTO `projects`")
}

// TestTracesAreOff unless an endpoint is set, and one that can't be used stops the start.
func TestTracesAreOff(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, test := range [][2]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318", "want a URL such as"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=ftp://u:geheim@h", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: want"},
	} {
		if r := s.with(test[0]).run(t, "serve"); r.status != exitUsage || !strings.Contains(r.stderr, test[1]) || strings.Contains(r.stderr, "geheim") {
			t.Errorf("%s: %+v", test[0], r)
		}
	}
	r := s.with("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317").with("OTEL_EXPORTER_OTLP_PROTOCOL=grpc").run(t, "serve")
	if r.status != exitUsage || !strings.Contains(r.stderr, "http/protobuf") {
		t.Errorf("%+v", r)
	}
}
