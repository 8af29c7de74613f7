package tenants_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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
)

// TestHookOnAScopeThatIsOver panics whatever became of the scope.
func TestHookOnAScopeThatIsOver(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	tenant := env.Tenant(t, "acme")
	for _, result := range []error{nil, errOwn} {
		for name, set := range map[string]func(tx *gorm.DB){
			"AfterCommit":   func(tx *gorm.DB) { tenants.AfterCommit(tx, func(context.Context) {}) },
			"AfterRollback": func(tx *gorm.DB) { tenants.AfterRollback(tx, func(context.Context, error) {}) },
		} {
			var kept *gorm.DB
			_ = env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { kept = tx; return result })
			func() {
				defer func() {
					if said := fmt.Sprint(recover()); !strings.Contains(said, "scope that is over") {
						t.Errorf("%s after %v: %s", name, result, said)
					}
				}()
				set(kept)
			}()
		}
	}
}

// TestScopeWithinAScopeByAnotherContext is found where it would wait for itself.
func TestScopeWithinAScopeByAnotherContext(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{MaxOpen: 1})
	acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
	nothing := func(*gorm.DB) error { return nil }
	for name, inner := range map[string]func() error{
		"a turn to write": func() error { return env.Store.Update(context.Background(), acme, nothing) },
		"a handle":        func() error { return env.Store.View(context.Background(), globex, nothing) },
	} {
		if err := env.Store.Update(t.Context(), acme, func(*gorm.DB) error { return inner() }); !errors.Is(err, tenants.ErrNestedScope) {
			t.Errorf("%s: %v", name, err)
		}
	}
	master := env.Store.Master()
	err := master.Update(t.Context(), func(*gorm.DB) error { return master.Update(context.Background(), nothing) })
	if !errors.Is(err, tenants.ErrNestedScope) {
		t.Errorf("in the master: %v", err)
	}
	err = env.Store.Update(t.Context(), acme, func(tx *gorm.DB) error {
		tenants.AfterCommit(tx, func(context.Context) {
			if err := env.Store.Update(context.Background(), globex, nothing); err != nil {
				t.Errorf("in a hook: %v", err)
			}
		})
		return master.Update(context.Background(), nothing)
	})
	if err != nil {
		t.Errorf("the master's within a tenant's: %v", err)
	}
}

// TestReplyIsSentBeforeTheHooks reads the whole reply while a hook waits.
func TestReplyIsSentBeforeTheHooks(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]func(c *gin.Context){
		"a body": func(c *gin.Context) { c.String(http.StatusCreated, "made") },
		"none":   func(c *gin.Context) { c.Status(http.StatusNoContent) },
		"empty":  func(c *gin.Context) { c.Status(http.StatusOK) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, hooked := make(chan struct{}), make(chan struct{})
			r := gin.New()
			r.POST("/", tenants.Resolve(env.Store, domain), tenants.Scoped(env.Store, tenants.ScopeOptions{}), func(c *gin.Context) {
				tenants.AfterCommit(tenants.Tx(c), func(context.Context) { <-read; close(hooked) })
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
	o := tenants.ScopeOptions{RequestID: func(*gin.Context) string { return "req-7" }}
	r := gin.New()
	r.GET("/", tenants.Resolve(env.Store, domain), tenants.Scoped(env.Store, o), func(c *gin.Context) {
		tx := tenants.Tx(c)
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
