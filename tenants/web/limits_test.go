package web_test

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/notes"
	"tenantry/tenants/web"
)

// limited is a router over env on which limits are tested: GET answers 200 once release is closed, POST at once, PUT
// when an endless statement was cancelled, and DELETE empties a table. All failures are rendered as problems.
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
	in.PUT("/", func(c *gin.Context) { _ = c.Error(web.Tx(c).Exec(endless(env.Kind)).Error) })
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

// expectProblem expects a reply with this status and type. Retry-After is a number of seconds with 429 and 507.
func expectProblem(t *testing.T, reply *http.Response, status int, kind string) {
	t.Helper()
	if body := readAll(t, reply); reply.StatusCode != status || !strings.Contains(body, web.ProblemType+kind+`"`) {
		t.Errorf("status %d %s, want %d %s", reply.StatusCode, body, status, kind)
	}
	seconds, err := strconv.Atoi(reply.Header.Get("Retry-After"))
	if retries := err == nil && seconds >= 1; retries != (status == http.StatusTooManyRequests || status == http.StatusInsufficientStorage) {
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

func TestBodiesAreLimited(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		l := newLimited(t, env)
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		for _, test := range []struct {
			limit  int64
			size   int
			status int
			kind   string
		}{
			{0, 1000, 200, ""},
			{0, 1001, 413, "body-too-large"},
			{500, 499, 200, ""},
			{500, 500, 200, ""},
			{500, 501, 413, "tenant-body"},
			{2000, 1000, 200, ""}, // the route's limit stays
			{2000, 1001, 413, "body-too-large"},
			{tenants.NoLimit, 1001, 413, "body-too-large"},
		} {
			l.set(t, tenants.LimitBody, test.limit)
			reply := l.send(t, "acme", http.MethodPost, strings.Repeat("x", test.size))
			if test.status != 200 {
				expectProblem(t, reply, test.status, test.kind)
			} else if reply.StatusCode != 200 {
				t.Errorf("%+v: %d", test, reply.StatusCode)
			}
			if got := l.send(t, "globex", http.MethodPost, strings.Repeat("x", 1000)).StatusCode; got != 200 {
				t.Errorf("another tenant: %d", got)
			}
		}
		if got := env.Store.Refusals(tenants.LimitBody); got != 1 {
			t.Errorf("%d refusals are counted", got)
		}
	})
}

// TestTheSizeIsLimited: a full tenant can read and delete.
func TestTheSizeIsLimited(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		l := newLimited(t, env)
		acme := env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		l.set(t, tenants.LimitSize, 1<<40)
		l.send(t, "acme", http.MethodPost, "") // measures, and won't again for a minute because of this limit
		grow(t, env, acme)
		size, slack := sizeOf(t, env, acme), int64(0)
		if env.Kind == tenantstest.Postgres {
			slack = 100_000 // the server makes files of its own beside the tables
		}
		for _, limit := range []int64{size - slack - 1, size + slack, 1, tenants.NoLimit, 0} {
			l.set(t, tenants.LimitSize, limit)
			reply := l.send(t, "acme", http.MethodPost, "")
			switch full := limit > 0 && limit < size; {
			case full:
				expectProblem(t, reply, 507, "tenant-full")
				if got := l.send(t, "acme", http.MethodDelete, "").StatusCode; got != 200 {
					t.Errorf("%d of %d bytes: deleting answers %d", size, limit, got)
				}
			case reply.StatusCode != 200:
				t.Errorf("%d of %d bytes: %d %s", size, limit, reply.StatusCode, readAll(t, reply))
			}
			if got := l.send(t, "globex", http.MethodPost, "").StatusCode; got != 200 {
				t.Errorf("another tenant: %d", got)
			}
		}
		if got := env.Store.Refusals(tenants.LimitSize); got != 2 {
			t.Errorf("%d refusals are counted", got)
		}
	})
}

// endless returns a statement that ends only when it is cancelled.
func endless(engine tenantstest.Engine) string {
	if engine == tenantstest.SQLite {
		return "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c"
	}
	return "SELECT pg_sleep(3600)"
}

func TestTheTimeOfStatementsIsLimited(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		l := newLimited(t, env)
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		l.set(t, tenants.LimitStatementTime, int64(50*time.Millisecond))
		expectProblem(t, l.send(t, "acme", http.MethodPut, ""), 429, "tenant-statement-time")
		if got := env.Store.Refusals(tenants.LimitStatementTime); got != 1 {
			t.Errorf("%d refusals are counted", got)
		}
		for _, subdomain := range []string{"acme", "globex"} {
			if got := l.send(t, subdomain, http.MethodPost, "").StatusCode; got != 200 {
				t.Errorf("%s afterwards: %d", subdomain, got)
			}
		}
	})
}

// grow writes some 500 kB that can't be compressed.
func grow(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) {
	t.Helper()
	noise := make([]byte, 250_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // never fails
	err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error {
		return tx.Create(&notes.Folder{Name: "noise", Remark: hex.EncodeToString(noise)}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sizeOf returns the size of a tenant's database as the store measures it.
func sizeOf(t *testing.T, env *tenantstest.Env, tenant *tenants.Tenant) (size int64) {
	t.Helper()
	err := env.Store.View(t.Context(), tenant, func(tx *gorm.DB) error {
		return tx.Raw(env.Engine.(tenants.Measured).SizeSQL()).Scan(&size).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
