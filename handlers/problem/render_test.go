package problem_test

import (
	"bytes"
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
	"gorm.io/gorm"

	"tenantry/handlers/problem"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// check checks that an error reply is a problem, with the headers that belong to it.
func check(t *testing.T, reply *httptest.ResponseRecorder) {
	t.Helper()
	var p web.Problem
	if err := json.Unmarshal(reply.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v: %s", err, reply.Body)
	}
	if got := reply.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	switch {
	case p.Status != reply.Code, !strings.HasPrefix(p.Type, web.ProblemType), p.Title == "", p.Detail == "", p.RequestID != "req-1":
		t.Errorf("problem %+v with status %d", p, reply.Code)
	case (p.Errors != nil) != (p.Status == 422):
		t.Errorf("errors %v with status %d", p.Errors, p.Status)
	case (reply.Header().Get("Retry-After") != "") != (p.Status == 503 || p.Status == 429 || strings.HasSuffix(p.Type, ":tenant-full")):
		t.Errorf("Retry-After %q with status %d", reply.Header().Get("Retry-After"), p.Status)
	}
}

// failing is a router whose only route raises err, without a tenant.
func failing(log *bytes.Buffer, err error) *gin.Engine {
	r := gin.New()
	r.Use(
		func(c *gin.Context) { problem.SetRequestID(c, "req-1") },
		problem.Middleware(slog.New(slog.NewTextHandler(log, nil))),
	)
	r.GET("/", func(c *gin.Context) { _ = c.Error(err) })
	return r
}

func get(ctx context.Context, r http.Handler) *httptest.ResponseRecorder {
	reply := httptest.NewRecorder()
	r.ServeHTTP(reply, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	return reply
}

func TestErrorsAndTheirProblems(t *testing.T) {
	t.Parallel()
	secret := errors.New("SQLSTATE 23505 password=hunter2")
	for _, test := range []struct {
		err    error
		status int
		kind   string
	}{
		{tenants.ErrUnknownTenant, 404, "unknown-tenant"},
		{tenants.ErrSuspended, 403, "suspended"},
		{tenants.ErrMaintenance, 503, "maintenance"},
		{tenants.ErrUnavailable, 503, "unavailable"},
		{tenants.ErrBusy, 503, "busy"},
		{tenants.ErrClosed, 503, "unavailable"},
		{tenants.ErrCommitUnknown, 500, "commit-unknown"},
		{fmt.Errorf("%w: %w", tenants.ErrMaintenance, tenants.ErrCommitUnknown), 500, "commit-unknown"},
		{tenants.ErrRetryable, 503, "busy"},
		{tenants.ErrFull, 507, "storage-full"},
		{tenants.ErrTenantFull, 507, "tenant-full"},
		{fmt.Errorf("%w: %w", tenants.ErrStatementFailed, tenants.ErrStatementTime), 429, "tenant-statement-time"},
		{fmt.Errorf("%w: %w", web.ErrTenantBody, web.ErrBodyTooLarge), 413, "tenant-body"},
		{&tenants.LimitError{Err: tenants.ErrTooManyRequests, Limit: 1, After: time.Second}, 429, "tenant-requests"},
		{&tenants.LimitError{Err: tenants.ErrTooManyScopes, Limit: 1, After: time.Second}, 429, "tenant-concurrency"},
		{web.ErrBodyTooLarge, 413, "body-too-large"},
		{web.ErrBodyUnreadable, 400, "malformed"},
		{web.ErrReplyTooLarge, 500, "internal"},
		{tenants.ErrForbiddenStatement, 500, "internal"},
		{tenants.ErrReadOnly, 500, "internal"},
		{tenants.ErrNestedScope, 500, "internal"},
		{tenants.ErrStatementFailed, 500, "internal"},
		{tenants.ErrCommitFailed, 500, "internal"},
		{gorm.ErrRecordNotFound, 404, "not-found"},
		{gorm.ErrDuplicatedKey, 409, "conflict"},
		{gorm.ErrForeignKeyViolated, 409, "conflict"},
		{gorm.ErrCheckConstraintViolated, 422, "invalid"},
		{context.DeadlineExceeded, 503, "timeout"},
		{errors.New("anything else"), 500, "internal"},

		{fmt.Errorf("%w: %w", tenants.ErrStatementFailed, gorm.ErrDuplicatedKey), 500, "internal"},
		{fmt.Errorf("%w: %w", tenants.ErrStatementFailed, tenants.ErrFull), 507, "storage-full"},
		{fmt.Errorf("%w: %w", tenants.ErrStatementFailed, tenants.ErrRetryable), 503, "busy"},
		{fmt.Errorf("%w: %w", tenants.ErrStatementFailed, tenants.ErrUnavailable), 503, "unavailable"},
		{fmt.Errorf("%w: %w", tenants.ErrCommitFailed, gorm.ErrForeignKeyViolated), 500, "internal"},
		{fmt.Errorf("%w: %w", tenants.ErrBusy, context.DeadlineExceeded), 503, "busy"},
		{fmt.Errorf("%w: %w", tenants.ErrUnavailable, context.DeadlineExceeded), 503, "unavailable"},
	} {
		t.Run(test.err.Error(), func(t *testing.T) {
			t.Parallel()
			log := &bytes.Buffer{}
			reply := get(t.Context(), failing(log, fmt.Errorf("do a thing: %w: %w", test.err, secret)))
			check(t, reply)
			if reply.Code != test.status || !strings.Contains(reply.Body.String(), web.ProblemType+test.kind+`"`) {
				t.Errorf("status %d: %s", reply.Code, reply.Body)
			}
			if strings.Contains(reply.Body.String(), "hunter2") || strings.Contains(reply.Body.String(), "do a thing") {
				t.Errorf("the cause got out: %s", reply.Body)
			}
			logged := log.String()
			if wanted := test.status >= 500; wanted != strings.Contains(logged, "do a thing") || wanted != strings.Contains(logged, "level=ERROR") ||
				wanted != strings.Contains(logged, "request_id=req-1") {
				t.Errorf("status %d is logged as %q", test.status, logged)
			}
		})
	}
}

func TestCancelledRequests(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	swallowed := fmt.Errorf("%w: %w", tenants.ErrStatementFailed, context.Canceled)
	for _, test := range []struct {
		err    error
		ctx    context.Context
		status int
	}{
		{context.Canceled, gone, 499},
		{swallowed, gone, 499},
		{errors.New("a fault of ours"), gone, 500},
		{context.Canceled, t.Context(), 500},
		{swallowed, t.Context(), 500},
	} {
		log := &bytes.Buffer{}
		reply := get(test.ctx, failing(log, test.err))
		check(t, reply)
		if reply.Code != test.status || (log.String() != "") != (test.status == 500) {
			t.Errorf("%v with a context that says %v: status %d, log %q; want %d", test.err, test.ctx.Err(), reply.Code, log, test.status)
		}
	}
}

func TestProblemsAfterAReplyAreOnlyLogged(t *testing.T) {
	t.Parallel()
	log := &bytes.Buffer{}
	r := failing(log, nil)
	r.GET("/stream", func(c *gin.Context) {
		c.String(http.StatusOK, "half of")
		_ = c.Error(errors.New("broke off"))
	})
	reply := httptest.NewRecorder()
	r.ServeHTTP(reply, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stream", nil))
	if reply.Code != 200 || reply.Body.String() != "half of" || !strings.Contains(log.String(), "broke off") {
		t.Errorf("status %d, body %q, log %q", reply.Code, reply.Body, log)
	}
}

// TestOwnWords: an error of the table may bring its own detail and faults, and a cause for
// the log that changes nothing for the client.
func TestOwnWords(t *testing.T) {
	t.Parallel()
	cause := fmt.Errorf("hunter2: %w", tenants.ErrUnavailable)
	for _, test := range []struct {
		err    error
		status int
		want   string
	}{
		{problem.New(problem.ErrForbidden, "Ask Ada."), 403, `"detail":"Ask Ada."`},
		{fmt.Errorf("add a task: %w", problem.Conflict("It is there.")), 409, `"detail":"It is there."`},
		{problem.InvalidField("name", "is required"), 422, `"errors":[{"field":"name","message":"is required"}]`},
		{problem.Caused(problem.Conflict("It is gone."), cause), 409, `"detail":"It is gone."`},
		{problem.Caused(problem.ErrAdminNotInvited, cause), 500, "problem:admin-not-invited"},
		{fmt.Errorf("%w: %w", tenants.ErrCommitUnknown, problem.Conflict("It is there.")), 500, "problem:commit-unknown"},
	} {
		log := &bytes.Buffer{}
		reply := get(t.Context(), failing(log, test.err))
		check(t, reply)
		if body := reply.Body.String(); reply.Code != test.status || !strings.Contains(body, test.want) || strings.Contains(body, "hunter2") {
			t.Errorf("%v: %d %s", test.err, reply.Code, body)
		}
		if test.status == 500 && test.want == "problem:admin-not-invited" && !strings.Contains(log.String(), "hunter2") {
			t.Errorf("%v: logged as %q", test.err, log)
		}
	}
}
