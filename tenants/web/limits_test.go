package web_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// limited is a router over env on which limits are tested: GET answers 200 once release is closed, POST stores a
// folder, and all failures are rendered as problems.
type limited struct {
	env     *tenantstest.Env
	router  *gin.Engine
	begun   chan struct{} // receives once for each GET that runs
	release chan struct{}
}

func newLimited(t *testing.T, env *tenantstest.Env) *limited {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	l := &limited{env: env, router: gin.New(), begun: make(chan struct{}), release: make(chan struct{})}
	requests := web.New(env.Store, web.Options{Domain: domain})
	in := l.router.Group("/", requests.Resolve(), requests.Scoped(web.ScopeOptions{MaxBody: 1000}))
	in.GET("/", func(c *gin.Context) {
		l.begun <- struct{}{}
		<-l.release
	})
	in.POST("/", func(c *gin.Context) {})
	in.DELETE("/", func(c *gin.Context) { _ = web.Tx(c).Exec("DELETE FROM folders") })
	return l
}

// send sends a request to a tenant.
func (l *limited) send(t *testing.T, subdomain, method, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	r.Host = subdomain + ".localhost"
	recorder := httptest.NewRecorder()
	l.router.ServeHTTP(recorder, r)
	return recorder.Result()
}

// set changes a limit of acme's own.
func (l *limited) set(t *testing.T, limit tenants.Limit, value int64) {
	t.Helper()
	if _, err := l.env.Lifecycle.SetLimits(t.Context(), "ada", "acme", map[tenants.Limit]int64{limit: value}); err != nil {
		t.Fatal(err)
	}
}

// expectProblem expects a reply with this status and type. Retry-After is a number of seconds with 429 alone.
func expectProblem(t *testing.T, reply *http.Response, status int, kind string) {
	t.Helper()
	if body := readAll(t, reply); reply.StatusCode != status || !strings.Contains(body, web.ProblemType+kind+`"`) {
		t.Errorf("status %d %s, want %d %s", reply.StatusCode, body, status, kind)
	}
	seconds, err := strconv.Atoi(reply.Header.Get("Retry-After"))
	if retries := err == nil && seconds >= 1; retries != (status == http.StatusTooManyRequests) {
		t.Errorf("status %d with Retry-After %q", status, reply.Header.Get("Retry-After"))
	}
}

func TestScopesAtOnceAreLimited(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		l := newLimited(t, env)
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		l.set(t, tenants.LimitConcurrency, 2)
		done := make(chan int)
		hold := func(subdomain string) {
			go func() { done <- l.send(t, subdomain, http.MethodGet, "").StatusCode }()
			<-l.begun
		}
		hold("acme")
		hold("acme") // at the limit
		expectProblem(t, l.send(t, "acme", http.MethodGet, ""), 429, "tenant-concurrency")
		expectProblem(t, l.send(t, "acme", http.MethodPost, ""), 429, "tenant-concurrency")
		if got := env.Store.Refusals(tenants.LimitConcurrency); got != 2 {
			t.Errorf("%d refusals are counted", got)
		}
		for range 3 {
			hold("globex")
		}
		l.set(t, tenants.LimitConcurrency, 3)
		hold("acme")
		expectProblem(t, l.send(t, "acme", http.MethodGet, ""), 429, "tenant-concurrency")
		l.set(t, tenants.LimitConcurrency, tenants.NoLimit)
		hold("acme")
		close(l.release)
		for range 7 {
			if status := <-done; status != 200 {
				t.Errorf("a request within the limits: %d", status)
			}
		}
		l.set(t, tenants.LimitConcurrency, 1)
		if got := l.send(t, "acme", http.MethodPost, "").StatusCode; got != 200 {
			t.Errorf("after all have ended: %d", got)
		}
	})
}

// TestRequestsASecondAreLimited is TestRequestsAreLimitedBySecond of package tenants over HTTP. A slow machine may
// need several attempts to send two requests in one second.
func TestRequestsASecondAreLimited(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		l := newLimited(t, env)
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		l.set(t, tenants.LimitRequests, 1)
		var refused *http.Response
		for deadline := time.Now().Add(time.Minute); refused == nil; {
			if time.Now().After(deadline) {
				t.Fatal("no request was refused")
			}
			if reply := l.send(t, "acme", http.MethodPost, ""); reply.StatusCode != 200 {
				refused = reply
			}
		}
		expectProblem(t, refused, 429, "tenant-requests")
		if got := env.Store.Refusals(tenants.LimitRequests); got != 1 {
			t.Errorf("%d refusals are counted", got)
		}
		for range 10 {
			if got := l.send(t, "globex", http.MethodPost, "").StatusCode; got != 200 {
				t.Errorf("another tenant: %d", got)
			}
		}
		l.set(t, tenants.LimitRequests, 0)
		for range 10 {
			if got := l.send(t, "acme", http.MethodPost, "").StatusCode; got != 200 {
				t.Errorf("without a limit: %d", got)
			}
		}
	})
}
