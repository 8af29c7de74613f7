package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

// site is a router over env with one route for each method at /. What the
// chain left on c.Errors is in raised; where nothing was written, it answers
// 599 as an application's rendering would.
type site struct {
	router *gin.Engine
	raised []error
}

func newSite(t testing.TB, env *tenantstest.Env, o web.ScopeOptions, handler gin.HandlerFunc) *site {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{router: gin.New()}
	s.router.Use(func(c *gin.Context) {
		defer func() {
			if v := recover(); v != nil {
				c.AbortWithStatus(http.StatusInternalServerError)
			}
		}()
		c.Next()
		for _, e := range c.Errors {
			s.raised = append(s.raised, e.Err)
		}
	})
	requests := web.New(env.Store, web.Options{Domain: domain, Render: func(c *gin.Context, _ error) { c.AbortWithStatus(599) }})
	s.router.Any("/", requests.Resolve(), requests.Scoped(o), handler)
	return s
}

// do sends a request to acme and returns the reply.
func (s *site) do(t testing.TB, method, body string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", strings.NewReader(body))
	r.Host = "acme.localhost:8080"
	recorder := httptest.NewRecorder()
	s.router.ServeHTTP(recorder, r)
	return recorder.Result()
}

func readAll(t testing.TB, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}

// TestScoped holds what of a handler's doing is stored and what is sent.
func TestScoped(t *testing.T) {
	t.Parallel()
	store := func(c *gin.Context) { _ = addFolder(web.Tx(c), "a") }
	tests := []struct {
		name    string
		handler gin.HandlerFunc
		status  int
		body    string
		stored  string
		raised  error
	}{
		{"commits a 2xx", func(c *gin.Context) { store(c); c.String(201, "made") }, 201, "made", "a", nil},
		{"commits a redirect", func(c *gin.Context) { store(c); c.Redirect(303, "/x") }, 303, "", "a", nil},
		{"commits where nothing was written", store, 200, "", "a", nil},
		{"rolls back its own 4xx and sends it", func(c *gin.Context) { store(c); c.String(409, "no") }, 409, "no", "", nil},
		{"rolls back a status without a body", func(c *gin.Context) { store(c); c.Status(400) }, 400, "", "", nil},
		{"rolls back on an error and sends nothing", func(c *gin.Context) {
			store(c)
			c.String(200, "made")
			_ = c.Error(errOwn)
		}, 599, "", "", errOwn},
		{"rolls back on a panic", func(c *gin.Context) { store(c); c.String(200, "made"); panic("own") }, 500, "", "", nil},
		{"refuses after a swallowed failure", func(c *gin.Context) {
			store(c)
			store(c)
			c.String(200, "made")
		}, 599, "", "", tenants.ErrStatementFailed},
		{"refuses a reply over the limit", func(c *gin.Context) {
			store(c)
			c.String(200, strings.Repeat("x", 101))
		}, 599, "", "", web.ErrReplyTooLarge},
		{"reads the body", func(c *gin.Context) {
			body, _ := io.ReadAll(c.Request.Body)
			c.String(200, string(body))
		}, 200, "hello", "", nil},
	}
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				s := newSite(t, env, web.ScopeOptions{MaxReply: 100}, test.handler)
				reply := s.do(t, http.MethodPost, "hello")
				if body := readAll(t, reply); reply.StatusCode != test.status || !strings.Contains(body, test.body) || test.body == "" && strings.Contains(body, "made") {
					t.Errorf("sent %d %q, want %d %q", reply.StatusCode, body, test.status, test.body)
				}
				if test.raised != nil && (len(s.raised) != 1 || !errors.Is(s.raised[0], test.raised)) || test.raised == nil && len(s.raised) > 0 {
					t.Errorf("raised %v, want %v", s.raised, test.raised)
				}
				if got := folders(t, env, tenant); got != test.stored {
					t.Errorf("stored %q, want %q", got, test.stored)
				}
				err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return tx.Exec("DELETE FROM folders").Error })
				if err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestScopedReadsInView(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		s := newSite(t, env, web.ScopeOptions{}, func(c *gin.Context) {
			if err := addFolder(web.Tx(c), "a"); err != nil {
				_ = c.Error(err)
			}
		})
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
			s.raised = nil
			s.do(t, method, "")
			if len(s.raised) != 1 || !errors.Is(s.raised[0], tenants.ErrReadOnly) {
				t.Errorf("%s raised %v", method, s.raised)
			}
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestScopedBeginsAfterTheBody: a slow upload must not hold the write lock.
func TestScopedBeginsAfterTheBody(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		s := newSite(t, env, web.ScopeOptions{}, func(c *gin.Context) { c.Status(204) })
		body, upload := io.Pipe()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
		r.Host = "acme.localhost"
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.router.ServeHTTP(httptest.NewRecorder(), r)
		}()
		if _, err := upload.Write([]byte("half")); err != nil { // the request is being read
			t.Fatal(err)
		}
		if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
			t.Error(err)
		}
		_ = upload.Close()
		<-done
	})
}

func TestScopedBoundsTheBody(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{})
	env.Tenant(t, "acme")
	s := newSite(t, env, web.ScopeOptions{MaxBody: 10}, func(c *gin.Context) { c.Status(204) })
	if reply := s.do(t, http.MethodPost, strings.Repeat("x", 10)); reply.StatusCode != 204 {
		t.Errorf("at the limit: %d", reply.StatusCode)
	}
	for name, reader := range map[string]io.Reader{
		"declared":   strings.NewReader(strings.Repeat("x", 11)),
		"undeclared": io.MultiReader(strings.NewReader(strings.Repeat("x", 11))),
	} {
		s.raised = nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", reader)
		r.Host = "acme.localhost"
		s.router.ServeHTTP(httptest.NewRecorder(), r)
		if len(s.raised) != 1 || !errors.Is(s.raised[0], web.ErrBodyTooLarge) {
			t.Errorf("%s: raised %v", name, s.raised)
		}
	}
}

func TestScopedRollsBackWhenTheClientLeaves(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		ctx, leave := context.WithCancel(t.Context())
		s := newSite(t, env, web.ScopeOptions{}, func(c *gin.Context) {
			_ = addFolder(web.Tx(c), "a")
			leave()
			c.Status(201)
		})
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
		r.Host = "acme.localhost"
		s.router.ServeHTTP(httptest.NewRecorder(), r)
		if len(s.raised) != 1 || !errors.Is(s.raised[0], context.Canceled) {
			t.Errorf("raised %v", s.raised)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

func TestScopedEndsInTime(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		tenant := env.Tenant(t, "acme")
		s := newSite(t, env, web.ScopeOptions{Timeout: time.Second}, func(c *gin.Context) {
			_ = addFolder(web.Tx(c), "a")
			<-c.Request.Context().Done()
		})
		s.do(t, http.MethodPost, "")
		if len(s.raised) != 1 || !errors.Is(s.raised[0], context.DeadlineExceeded) {
			t.Errorf("raised %v", s.raised)
		}
		if got := folders(t, env, tenant); got != "" {
			t.Errorf("stored %q", got)
		}
	})
}

// TestStreamHoldsNothing: a route outside of Scoped speaks before it ends, and
// meanwhile has neither a transaction nor a lease.
func TestStreamHoldsNothing(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Engine: engine, MaxOpen: 1})
			acme, globex := env.Tenant(t, "acme"), env.Tenant(t, "globex")
			domain, err := tenants.ParseBaseDomain("localhost")
			if err != nil {
				t.Fatal(err)
			}
			goOn := make(chan struct{})
			router := gin.New()
			router.GET("/", web.New(env.Store, web.Options{Domain: domain}).Resolve(), func(c *gin.Context) {
				_ = env.Store.View(c.Request.Context(), web.From(c), func(*gorm.DB) error { return nil })
				_, _ = c.Writer.WriteString("first ")
				c.Writer.Flush()
				<-goOn
				_, _ = c.Writer.WriteString("last")
			})
			server := httptest.NewServer(router)
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "acme.localhost"
			reply, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			first := make([]byte, 6)
			if _, err := io.ReadFull(reply.Body, first); err != nil || string(first) != "first " {
				t.Errorf("read %q, %v", first, err)
			}
			for _, tenant := range []*tenants.Tenant{acme, globex} {
				if err := env.Store.Update(t.Context(), tenant, func(tx *gorm.DB) error { return addFolder(tx, "a") }); err != nil {
					t.Error(err)
				}
			}
			close(goOn)
			if rest := readAll(t, reply); rest != "last" {
				t.Errorf("read %q", rest)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		for _, state := range []tenants.State{
			tenants.StateSuspended, tenants.StateMaintenance, tenants.StateArchived, tenants.StateProvisioning, tenants.StatePurged,
		} {
			tenant := env.Tenant(t, "is-"+string(state))
			err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
				return tx.Model(tenant).Update("state", state).Error
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		env.Tenant(t, "acme")
		s := newSite(t, env, web.ScopeOptions{}, func(c *gin.Context) { c.String(200, web.From(c).Subdomain) })
		for target, want := range map[string]error{
			"/ acme.localhost":                      nil,
			"/ ACME.localhost.:99":                  nil,
			"/ nobody.localhost":                    tenants.ErrUnknownTenant,
			"/ localhost":                           tenants.ErrUnknownTenant,
			"/ is-suspended.localhost":              tenants.ErrSuspended,
			"/ is-maintenance.localhost":            tenants.ErrMaintenance,
			"/ is-archived.localhost":               tenants.ErrUnknownTenant,
			"/ is-provisioning.localhost":           tenants.ErrUnknownTenant,
			"/ is-purged.localhost":                 tenants.ErrUnknownTenant,
			"http://acme.localhost/ acme.localhost": tenants.ErrUnknownTenant,
		} {
			s.raised = nil
			uri, host, _ := strings.Cut(target, " ")
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
			r.Host = host
			r.Header.Set("X-Tenant", "acme")
			r.Header.Set("X-Forwarded-Host", "acme.localhost")
			recorder := httptest.NewRecorder()
			s.router.ServeHTTP(recorder, r)
			switch {
			case want == nil && (recorder.Code != 200 || recorder.Body.String() != "acme"):
				t.Errorf("%s: %d %q", target, recorder.Code, recorder.Body)
			case want != nil && (len(s.raised) != 1 || !errors.Is(s.raised[0], want)):
				t.Errorf("%s: raised %v, want %v", target, s.raised, want)
			}
		}
	})
}

func addFolder(tx *gorm.DB, name string) error {
	return tx.Create(&notes.Folder{Name: name}).Error
}

var errOwn = errors.New("the handler's own error")

// folders are the names of the tenant's folders, joined.
func folders(t testing.TB, env *tenantstest.Env, tenant *tenants.Tenant) string {
	t.Helper()
	var names []string
	err := env.Store.View(context.Background(), tenant, func(tx *gorm.DB) error {
		return tx.Model(&notes.Folder{}).Order("id").Pluck("name", &names).Error
	})
	if err != nil {
		t.Error(err)
	}
	return strings.Join(names, " ")
}
