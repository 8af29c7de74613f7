package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/tenants"
	"tenantry/tenants/web"
)

// failing is a router whose only route raises err, without a tenant.
func failing(log *logBuffer, err error) *gin.Engine {
	r := gin.New()
	r.Use(
		func(c *gin.Context) { handlers.SetRequestID(c, "req-1") },
		handlers.Problems(slog.New(slog.NewTextHandler(log, nil))),
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
			log := &logBuffer{}
			reply := get(t.Context(), failing(log, fmt.Errorf("do a thing: %w: %w", test.err, secret)))
			checkProblem(t, test.err.Error(), reply)
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
		log := &logBuffer{}
		reply := get(test.ctx, failing(log, test.err))
		checkProblem(t, test.err.Error(), reply)
		if reply.Code != test.status || (log.String() != "") != (test.status == 500) {
			t.Errorf("%v with a context that says %v: status %d, log %q; want %d", test.err, test.ctx.Err(), reply.Code, log, test.status)
		}
	}
}

func TestProblemsAfterAReplyAreOnlyLogged(t *testing.T) {
	t.Parallel()
	log := &logBuffer{}
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

func TestUnknownRoutesAndMethods(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		runAll(t, a, []scenario{
			{method: "GET", path: "/", status: 404, contains: []string{"problem:not-found"}},
			{method: "GET", path: "/api/nothing", status: 404},
			{method: "GET", path: "/api/users/1/2", status: 404},
			{method: "PUT", path: "/api/users/1", body: `{}`, status: 405, contains: []string{"problem:method-not-allowed"}},
			{method: "DELETE", path: "/api/activity", status: 405},
		})
		if got := a.send(t, "PUT", "/api/users", "").Header().Get("Allow"); !strings.Contains(got, "GET") || !strings.Contains(got, "POST") {
			t.Errorf("Allow: %q", got)
		}
	})
}

func TestHostsWithoutATenantLookAlike(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		first := ""
		for _, host := range []string{"globex.localhost", "localhost", "www.localhost", "a.acme.localhost", "acme.localhost.evil.com", "127.0.0.1", "", "%2e", "acme_.localhost", "Ácme.localhost"} {
			request := httptest.NewRequestWithContext(t.Context(), "GET", "/api/projects", nil)
			request.Host = host
			reply := httptest.NewRecorder()
			a.router.ServeHTTP(reply, request)
			checkProblem(t, host, reply)
			all := fmt.Sprint(reply.Code, reply.Header(), reply.Body)
			if first == "" {
				first = all
			}
			if reply.Code != 404 || all != first {
				t.Errorf("host %q: %s, want %s", host, all, first)
			}
		}
		if log := a.log.String(); log != "" {
			t.Errorf("logged %q", log)
		}
	})
}

func TestSuspendedTenants(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		err := a.store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(&tenants.Tenant{}).Where("id = ?", a.tenant.ID).Update("state", tenants.StateSuspended).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		reply := a.send(t, "GET", "/api/projects", "")
		checkProblem(t, "suspended", reply)
		if reply.Code != 403 || !strings.Contains(reply.Body.String(), "problem:suspended") {
			t.Errorf("status %d: %s", reply.Code, reply.Body)
		}
	})
}

func TestFaultsOfOursNameTheTenantInTheLog(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.routes.GET("/broken", handlers.Do(func(_ *gin.Context, tx *gorm.DB) error {
			return tx.Exec("SELECT 1 FROM nowhere").Error
		}))
		a.routes.POST("/swallowed", handlers.Do(func(c *gin.Context, tx *gorm.DB) error {
			_ = tx.Exec("SELECT 1 FROM nowhere").Error
			c.Status(http.StatusNoContent)
			return nil
		}))
		runAll(t, a, []scenario{
			{method: "GET", path: "/api/broken", status: 500, contains: []string{"problem:internal", "req-1"}, lacks: []string{"nowhere"}},
			{method: "POST", path: "/api/swallowed", status: 500, contains: []string{"problem:internal"}, lacks: []string{"nowhere"}},
		})
		for _, want := range []string{"tenant=acme", "request_id=req-1", "nowhere", "route=/api/broken", "method=POST", "status=500"} {
			if !strings.Contains(a.log.String(), want) {
				t.Errorf("log lacks %q: %s", want, a.log)
			}
		}
	})
}
