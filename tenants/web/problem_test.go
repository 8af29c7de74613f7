package web_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// TestErrorsAreRendered holds that nothing that fails is answered with 200 where
// the application brings no rendering of its own.
func TestErrorsAreRendered(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		env.Tenant(t, "acme")
		domain, err := tenants.ParseBaseDomain("localhost")
		if err != nil {
			t.Fatal(err)
		}
		requests := web.New(env.Store, web.Options{Domain: domain, Log: slog.New(slog.DiscardHandler)})
		r := gin.New()
		var handle gin.HandlerFunc
		r.POST("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{MaxBody: 10, MaxReply: 10}), func(c *gin.Context) { handle(c) })
		r.POST("/buffered", requests.Resolve(), requests.Buffered(10), func(c *gin.Context) { c.Status(http.StatusNoContent) })
		for name, test := range map[string]struct {
			host, path, body string
			handle           gin.HandlerFunc
			status           int
			problem, retry   string
		}{
			"an unknown tenant":     {host: "globex.localhost", status: 404, problem: "unknown-tenant"},
			"a malformed host":      {host: "a..localhost", status: 404, problem: "unknown-tenant"},
			"a body over the limit": {body: `"01234567890"`, status: 413, problem: "body-too-large"},
			"a buffered one":        {path: "/buffered", body: `"01234567890"`, status: 413, problem: "body-too-large"},
			"an error":              {handle: func(c *gin.Context) { _ = c.Error(errors.New("secret")) }, status: 500, problem: "internal"},
			"an error to try again": {handle: func(c *gin.Context) { _ = c.Error(fmt.Errorf("secret: %w", tenants.ErrBusy)) }, status: 503, problem: "busy", retry: "1"},
			"a deadline":            {handle: func(c *gin.Context) { _ = c.Error(context.DeadlineExceeded) }, status: 503, problem: "timeout", retry: "5"},
			"a failed statement": {handle: func(c *gin.Context) {
				web.Tx(c).Exec("SELECT * FROM secret")
				c.Status(http.StatusCreated)
			}, status: 500, problem: "internal"},
			"a reply over the limit": {handle: func(c *gin.Context) { c.String(http.StatusOK, "01234567890") }, status: 500, problem: "internal"},
		} {
			t.Run(name, func(t *testing.T) {
				handle = test.handle
				request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, cmp.Or(test.path, "/"), strings.NewReader(test.body))
				request.Host = cmp.Or(test.host, "acme.localhost")
				reply := httptest.NewRecorder()
				reply.Header().Set("X-Request-ID", "req-7")
				r.ServeHTTP(reply, request)
				var got web.Problem
				if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil {
					t.Fatalf("%d %q: %v", reply.Code, reply.Body, err)
				}
				if reply.Code != test.status || got.Status != test.status || got.Type != web.ProblemType+test.problem || got.RequestID != "req-7" {
					t.Errorf("%d %+v", reply.Code, got)
				}
				if retry := reply.Header().Get("Retry-After"); retry != test.retry {
					t.Errorf("Retry-After is %q", retry)
				}
				if media := reply.Header().Get("Content-Type"); media != "application/problem+json" {
					t.Errorf("Content-Type is %q", media)
				}
			})
		}
	})
}

// TestRetryAfterIsTheEstimate: a client that was refused for want of a connection is told when one will be free, somewhat scattered.
func TestRetryAfterIsTheEstimate(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration][2]int{
		0: {1, 2}, 1500 * time.Millisecond: {2, 3}, 8 * time.Second: {8, 11}, 29 * time.Second: {29, 30}, time.Hour: {30, 30},
	} {
		seen := map[int]bool{}
		for range 100 {
			k := web.KindOf(fmt.Errorf("open: %w", &tenants.BusyError{After: after, Err: context.DeadlineExceeded}), nil)
			if k.Status != 503 || k.Name != "busy" || k.Retry < want[0] || k.Retry > want[1] {
				t.Fatalf("after %v: %+v", after, k)
			}
			seen[k.Retry] = true
		}
		if want[0] < want[1] && len(seen) < 2 {
			t.Errorf("after %v all clients come back together: %v", after, seen)
		}
	}
}
