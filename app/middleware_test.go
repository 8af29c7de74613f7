package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/web"
)

// ask sends a request from 192.0.2.1 straight to a handler.
func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request)
	return w
}

// router is a router of an App that has no databases, and its log.
func router(trusted ...string) (*gin.Engine, *bytes.Buffer) {
	var log bytes.Buffer
	a := &App{log: slog.New(slog.NewJSONHandler(&log, nil))}
	for _, network := range trusted {
		a.settings.proxies = append(a.settings.proxies, netip.MustParsePrefix(network))
	}
	return a.newRouter(a.publicTLS, maxImport), &log
}

// lines are the log's lines with that message.
func lines(t *testing.T, log *bytes.Buffer, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(log.Bytes())); ; {
		var line map[string]any
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			found = append(found, line)
		}
	}
}

func TestPanicIsAProblemWithoutLeaks(t *testing.T) {
	t.Parallel()
	r, log := router()
	r.GET("/", func(*gin.Context) { panic("the cause") })
	w := ask(r, http.MethodGet, "/?q=query-secret", "Cookie", "cookie-secret", "Authorization", "Bearer token-secret")
	if w.Code != http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), "cause") || !strings.Contains(w.Body.String(), w.Header().Get("X-Request-ID")) {
		t.Errorf("%s", w.Body)
	}
	panics := lines(t, log, "handler panicked")
	if len(panics) != 1 || panics[0]["panic"] != "the cause" || panics[0]["request_id"] != w.Header().Get("X-Request-ID") {
		t.Errorf("%s", log)
	}
	if stack, _ := panics[0]["stack"].(string); !strings.Contains(stack, "middleware_test.go") {
		t.Errorf("the stack does not name the culprit: %s", stack)
	}
	if requests := lines(t, log, "request"); len(requests) != 1 || requests[0]["status"] != 500.0 {
		t.Errorf("%s", log)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log tells a secret: %s", log)
	}
}

// served is an App with that tenant.
func served(t *testing.T, subdomain string) *App {
	t.Helper()
	c := defaults()
	c.DataDir = t.TempDir()
	a, err := New(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(context.Background()) })
	if _, err := a.manager.Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain}); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestPanicInAScope lets a panic pass the held-back reply.
func TestPanicInAScope(t *testing.T) {
	t.Parallel()
	a := served(t, "acme")
	r := a.newRouter(a.publicTLS, maxImport)
	requests := web.New(a.store, web.Options{Domain: a.settings.domain, Render: problem.Write})
	r.POST("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{}),
		request.Do(func(c *gin.Context, tx *gorm.DB) error {
			c.JSON(http.StatusCreated, gin.H{})
			panic("after the reply")
		}))
	w := ask(r, http.MethodPost, "http://acme.localhost/")
	if w.Code != http.StatusNotFound {
		t.Errorf("an absolute URI reached a tenant: %d", w.Code)
	}
	request := httptest.NewRequest(http.MethodPost, "/", nil)
	request.Host = "acme.localhost"
	w = httptest.NewRecorder()
	r.ServeHTTP(w, request)
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "internal") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestPanicAfterTheReplyBegan must end the connection: the client would take
// what it has for the whole.
func TestPanicAfterTheReplyBegan(t *testing.T) {
	t.Parallel()
	r, _ := router()
	r.GET("/", func(c *gin.Context) {
		c.String(http.StatusOK, "half")
		panic("midway")
	})
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", cause)
		}
	}()
	ask(r, http.MethodGet, "/")
}

func TestAbortGoesThrough(t *testing.T) {
	t.Parallel()
	r, log := router()
	r.GET("/", func(*gin.Context) { panic(http.ErrAbortHandler) })
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler || strings.Contains(log.String(), "panicked") {
			t.Errorf("recovered %v; log %s", cause, log)
		}
	}()
	ask(r, http.MethodGet, "/")
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	r, log := router()
	r.POST("/things/:id", func(c *gin.Context) { c.String(http.StatusTeapot, "short") })
	ask(r, http.MethodPost, "/things/7?token=secret", "Cookie", "secret", "X-Forwarded-For", "203.0.113.9")
	found := lines(t, log, "request")
	if len(found) != 1 {
		t.Fatalf("%s", log)
	}
	line := found[0]
	for name, want := range map[string]any{
		"level": "INFO", "method": "POST", "path": "/things/7", "status": 418.0, "bytes": 5.0, "remote_ip": "192.0.2.1",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	if id, _ := line["request_id"].(string); len(id) != 26 || line["duration_ms"] == nil || strings.Contains(log.String(), "secret") {
		t.Errorf("%s", log)
	}
}

func TestRequestIDAndClientFromTrustedProxies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sent, forwarded string
		trusted               []string
		wantID                bool
		wantIP                string
	}{
		{"nobody trusted", "abc", "203.0.113.9", nil, false, "192.0.2.1"},
		{"another trusted", "abc", "203.0.113.9", []string{"10.0.0.0/8"}, false, "192.0.2.1"},
		{"trusted", "abc-1.2_3", "203.0.113.9", []string{"192.0.2.0/24"}, true, "203.0.113.9"},
		{"first untrusted hop counts", "abc", "1.2.3.4, 203.0.113.9", []string{"192.0.2.0/24"}, true, "203.0.113.9"},
		{"breaks lines", "abc\tdef", "203.0.113.9", []string{"192.0.2.0/24"}, false, "203.0.113.9"},
		{"too long", strings.Repeat("a", 65), "nonsense", []string{"192.0.2.0/24"}, false, "192.0.2.1"},
		{"none", "", "", []string{"192.0.2.0/24"}, false, "192.0.2.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, log := router(test.trusted...)
			r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, problem.RequestID(c)) })
			w := ask(r, http.MethodGet, "/", "X-Request-ID", test.sent, "X-Forwarded-For", test.forwarded, "X-Real-IP", "198.51.100.1")
			id := w.Header().Get("X-Request-ID")
			if (id == test.sent) != test.wantID || id == "" || w.Body.String() != id {
				t.Errorf("sent %q, got %q, handler saw %q", test.sent, id, w.Body)
			}
			if line := lines(t, log, "request")[0]; line["remote_ip"] != test.wantIP || line["request_id"] != id {
				t.Errorf("%s; want %s", log, test.wantIP)
			}
		})
	}
}

func TestBodiesAreLimitedOnEveryRoute(t *testing.T) {
	t.Parallel()
	r, _ := router()
	r.POST("/", func(c *gin.Context) {
		n, err := io.Copy(io.Discard, c.Request.Body)
		c.String(http.StatusOK, "%d %T", n, err)
	})
	for size, want := range map[int]string{maxImport: "10485760 <nil>", maxImport + 1: "10485760 *http.MaxBytesError"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, size))))
		if w.Body.String() != want {
			t.Errorf("%d bytes: %s, want %s", size, w.Body, want)
		}
	}
}

func TestGinPrintsNothing(t *testing.T) {
	t.Parallel()
	router()
	if gin.Mode() != gin.ReleaseMode {
		t.Errorf("gin is in %s mode and prints to standard output", gin.Mode())
	}
}
