package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// TestReplyIsSentBeforeTheHooks reads the whole reply while a hook waits.
func TestReplyIsSentBeforeTheHooks(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	requests := web.New(env.Store, web.Options{Domain: domain})
	for name, answer := range map[string]func(c *gin.Context){
		"a body": func(c *gin.Context) { c.String(http.StatusCreated, "made") },
		"none":   func(c *gin.Context) { c.Status(http.StatusNoContent) },
		"empty":  func(c *gin.Context) { c.Status(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, hooked := make(chan struct{}), make(chan struct{})
			r := gin.New()
			r.POST("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{}), func(c *gin.Context) {
				tenants.AfterCommit(web.Tx(c), func(context.Context) { <-read; close(hooked) })
				answer(c)
			})
			server := httptest.NewServer(r)
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 0\r\n\r\n")
			reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(reply.Body)
			if err != nil || len(reply.TransferEncoding) > 0 || (name == "a body") != (string(body) == "made") {
				t.Errorf("read %q, %v, %v", body, reply.TransferEncoding, err)
			}
			close(read)
			<-hooked
		})
	}
}

// TestSlowStatementsNameTenantAndRequest waits for one.
func TestSlowStatementsNameTenantAndRequest(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	env := tenantstest.New(t, tenantstest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	env.Tenant(t, "acme")
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	requests := web.New(env.Store, web.Options{Domain: domain, RequestID: func(*gin.Context) string { return "req-7" }})
	r := gin.New()
	r.GET("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{}), func(c *gin.Context) {
		tx := web.Tx(c)
		tx.Logger.Trace(tx.Statement.Context, time.Now().Add(-time.Second), func() (string, int64) { return "SELECT slow", 1 }, nil)
	})
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.Host = "acme.localhost"
	r.ServeHTTP(httptest.NewRecorder(), request)
	for _, want := range []string{"SELECT slow", "tenant=acme", "request_id=req-7"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %s", want, log.String())
		}
	}
}

// TestSlowScopesNameTenantRequestAndStatement: the slowest statement is told without values,
// a fast one isn't.
func TestSlowScopesNameTenantRequestAndStatement(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	env := tenantstest.New(t, tenantstest.Options{Log: slog.New(slog.NewTextHandler(&log, nil)), SlowScope: time.Nanosecond})
	tenant := env.Tenant(t, "acme")
	ctx := tenants.WithRequestID(t.Context(), "req-8")
	err := env.Store.View(ctx, tenant, func(tx *gorm.DB) error {
		for text, took := range map[string]time.Duration{"SELECT fast": 10 * time.Millisecond, "SELECT slower": 300 * time.Millisecond, "SELECT slow": 200 * time.Millisecond} {
			tx.Logger.Trace(tx.Statement.Context, time.Now().Add(-took), func() (string, int64) { return text, 1 }, nil)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`level=WARN msg="slow scope" tenant=acme outcome=read`, "request_id=req-8", `statement="SELECT slower" statement_ms=300`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in %s", want, log.String())
		}
	}
}
