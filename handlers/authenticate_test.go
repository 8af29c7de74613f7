package handlers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

// mountOpen adds GET /open/projects/ID, which is GET /api/projects/ID without
// Authenticate.
func (a *api) mountOpen() {
	open := a.public.Group("/open", a.public.Resolve, a.public.Requests.Scoped(web.ScopeOptions{}))
	open.GET("/projects/:id", request.Do(handlers.GetProject))
}

// countStatements counts what gorm sends to the tenants of an engine.
func countStatements(t *testing.T, base *gorm.DB) *atomic.Int64 {
	t.Helper()
	var n atomic.Int64
	count := func(*gorm.DB) { n.Add(1) }
	all := base.Callback()
	err := errors.Join(
		all.Create().Before("*").Register("test:count", count), all.Query().Before("*").Register("test:count", count),
		all.Update().Before("*").Register("test:count", count), all.Delete().Before("*").Register("test:count", count),
		all.Row().Before("*").Register("test:count", count), all.Raw().Before("*").Register("test:count", count),
	)
	if err != nil {
		t.Fatal(err)
	}
	return &n
}

func TestAuthenticationIsOneQuery(t *testing.T) {
	t.Parallel()
	eachEnv(t, func(t *testing.T, env *tenantstest.Env) {
		statements := countStatements(t, env.Engine.Base())
		a := newAPI(t, env.Store, env.Tenant(t, "acme"))
		a.mountOpen()
		a.create(t, "/api/projects", `{"name":"Office"}`)
		for path, want := range map[string]int64{"/open/projects/1": 1, "/api/projects/1": 2, "/api/me": 1} {
			before := statements.Load()
			a.must(t, 200, "GET", path, "")
			if got := statements.Load() - before; got != want {
				t.Errorf("%s: %d statements, want %d", path, got, want)
			}
		}
	})
}

// BenchmarkAuthenticate measures the cost of authentication: signed-in less open.
func BenchmarkAuthenticate(b *testing.B) {
	for _, engine := range tenantstest.Engines() {
		b.Run(string(engine), func(b *testing.B) {
			env := tenantstest.New(b, tenantstest.Options{Schema: models.Workspace(), Engine: engine})
			a := newAPI(b, env.Store, env.Tenant(b, "acme"))
			a.mountOpen()
			a.create(b, "/api/projects", `{"name":"Office"}`)
			for name, path := range map[string]string{"open": "/open/projects/1", "signed-in": "/api/projects/1"} {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						a.get(b, path)
					}
				})
			}
		})
	}
}

// get sends the admin's request, and nothing that a benchmark would count in.
func (a *api) get(b *testing.B, path string) {
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
	request.Host = "acme.localhost"
	request.Header.Set("Authorization", "Bearer "+a.admin)
	reply := httptest.NewRecorder()
	a.router.ServeHTTP(reply, request)
	if reply.Code != http.StatusOK {
		b.Fatalf("status %d: %s", reply.Code, reply.Body)
	}
}

// refused is a request that must be 401, whatever its credential is.
func refused(name string, header ...string) scenario {
	return scenario{
		name: name, method: "GET", path: "/api/me", header: header, status: 401,
		contains: []string{"problem:unauthenticated", "This needs a valid session or API token of this tenant."}, lacks: []string{"@"},
	}
}

func TestCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		_, invitation := a.invited(t, "Ida")
		same := strings.Replace(a.member, "tnts_", "tntt_", 1)
		runAll(t, a, []scenario{
			refused("absent", "Authorization", ""),
			refused("truncated", bearer(a.member[:len(a.member)-1])...),
			refused("prolonged", bearer(a.member+"A")...),
			refused("padded", bearer(a.member+"=")...),
			refused("other kind", bearer(same)...),
			refused("other case", bearer(strings.ToUpper(a.member))...),
			refused("invitation", bearer(invitation)...),
			refused("unknown", bearer("tnts_"+strings.Repeat("A", 43))...),
			refused("no token", "Authorization", "Bearer "),
			refused("two tokens", bearer(a.member+" "+a.member)...),
			refused("basic", "Authorization", "Basic "+a.member),
			refused("long", bearer(strings.Repeat("A", 4000))...),
			refused("NUL", "Authorization", "Bearer \x00"),
			refused("token in the cookie", withCookie(same)...),
			refused("quoted cookie", withCookie(`"`+a.member+`"`)...),
			refused("doubled cookie", withCookie(a.member+"; session="+a.member)...),
			refused("cookie of TLS", "Authorization", "", "Cookie", "__Host-session="+a.member),
			refused("cookie without TLS", withCookie(a.member, "X-Test-TLS", "yes")...),
			refused("malformed bearer beside a cookie", "Authorization", "Bearer x", "Cookie", "session="+a.member),
		})
	})
}

func TestTwoAuthorizationsAreRefused(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		for _, name := range []string{"Authorization", "Cookie"} {
			request := httptest.NewRequestWithContext(t.Context(), "GET", "/api/me", nil)
			request.Host = "acme.localhost"
			value := map[string]string{"Authorization": "Bearer " + a.admin, "Cookie": "session=" + a.admin}[name]
			request.Header[name] = []string{value, value}
			reply := httptest.NewRecorder()
			a.router.ServeHTTP(reply, request)
			checkProblem(t, name, reply)
			if reply.Code != 401 {
				t.Errorf("two of %s: status %d", name, reply.Code)
			}
		}
	})
}

// TestForeignCredentials presents acme's credentials to globex, where the same
// ids exist, and then a copy of acme's very rows.
func TestForeignCredentials(t *testing.T) {
	t.Parallel()
	eachEnv(t, func(t *testing.T, env *tenantstest.Env) {
		a, b := newAPI(t, env.Store, env.Tenant(t, "acme")), newAPI(t, env.Store, env.Tenant(t, "globex"))
		_, invitation := a.invited(t, "Ida")
		var token struct{ Token string }
		decode(t, a.must(t, 201, "POST", "/api/tokens", `{"name":"ci"}`), &token)
		check := func(when string) {
			runAll(t, b, []scenario{
				refused("session "+when, bearer(a.admin)...),
				refused("cookie "+when, withCookie(a.admin)...),
				refused("token "+when, bearer(token.Token)...),
				{name: "invitation " + when, method: "POST", path: "/api/invitation", body: acceptance(t, invitation, otherPassword),
					status: 401, contains: []string{"problem:unauthenticated"}},
			})
		}
		check("as it is")
		rows := a.dump(t)
		b.update(t, func(tx *gorm.DB) error {
			if err := tx.Where("id <> 0").Delete(&models.User{}).Error; err != nil {
				return err
			}
			if err := tx.Create(&rows.Users).Error; err != nil {
				return err
			}
			return tx.Create(&rows.Creds).Error
		})
		check("copied")
		if len(b.dump(t).Creds) != len(rows.Creds) {
			t.Error("the rows were not copied")
		}
	})
}

func TestCookiesFromOtherOrigins(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		post := func(status int, header ...string) scenario {
			return scenario{name: fmt.Sprint(header[2:]), method: "POST", path: "/api/projects",
				body: fmt.Sprintf(`{"name":%s}`, quoted(t, fmt.Sprint(header[2:]))), header: header, status: status}
		}
		for _, elsewhere := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://globex.localhost:8080"},
			{"Origin", "http://localhost:8080"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
			{"Sec-Fetch-Site", "same-site", "Origin", "http://acme.localhost:8080"},
		} {
			s := post(403, withCookie(a.admin, elsewhere...)...)
			s.contains = []string{"problem:cross-origin"}
			s.run(t, a)
			post(201, append(bearer(a.admin), elsewhere...)...).run(t, a)
			a.must(t, 200, "GET", "/api/projects", "", withCookie(a.admin, elsewhere...)...)
			a.must(t, 403, "POST", "/api/session", credentials(t, "admin@acme.test", password), withCookie("x", elsewhere...)...)
		}
		post(201, withCookie(a.admin, "Sec-Fetch-Site", "same-origin")...).run(t, a)
		post(201, withCookie(a.admin, "Origin", "http://acme.localhost:8080")...).run(t, a)
	})
}

func TestLastUseIsNoted(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		got := a.signIn(t, "member@acme.test", password)
		used := func() *time.Time {
			creds := a.dump(t).Creds
			return creds[len(creds)-1].LastUsedAt
		}
		if used() != nil {
			t.Error("used before it was used")
		}
		for _, step := range []struct {
			pass  time.Duration
			noted bool
		}{{0, true}, {time.Minute, false}, {4 * time.Minute, true}, {4 * time.Minute, false}, {time.Hour, true}} {
			a.clock.pass(step.pass)
			a.must(t, 200, "GET", "/api/me", "", bearer(got.Token)...)
			at := used()
			if at == nil || at.Equal(a.clock.now().Truncate(time.Microsecond)) != step.noted {
				t.Errorf("%v later: used at %v, now is %v", step.pass, at, a.clock.now())
			}
		}
	})
}

// TestLastUseIsNotedByDownloads: a token that only fetches files is in use.
func TestLastUseIsNotedByDownloads(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.create(t, "/api/projects", `{"name":"Office"}`)
		a.create(t, "/api/projects/1/tasks", `{"title":"Order chairs"}`)
		upload("plan.txt", "oak", 201).run(t, a)
		var made struct{ Token string }
		decode(t, a.must(t, 201, "POST", "/api/tokens", fmt.Sprintf(`{"name":"ci","password":%q}`, password)), &made)
		used := func() *time.Time {
			creds := a.dump(t).Creds
			return creds[len(creds)-1].LastUsedAt
		}
		a.must(t, 404, "GET", "/api/attachments/9", "", bearer(made.Token)...)
		if at := used(); at != nil {
			t.Errorf("a refused request is noted: %v", at)
		}
		for _, pass := range []time.Duration{0, 5 * time.Minute} {
			a.clock.pass(pass)
			if got := a.must(t, 200, "GET", "/api/attachments/1", "", bearer(made.Token)...); got != "oak" {
				t.Errorf("downloaded %q", got)
			}
			if at := used(); at == nil || !at.Equal(a.clock.now().Truncate(time.Microsecond)) {
				t.Errorf("used at %v, now is %v", at, a.clock.now())
			}
		}
	})
}

// unread is a body that must not be read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body of a stranger's request is read")
	return 0, errors.New("unread")
}

// TestStrangersTakeNothing sends requests without a credential, or with what is
// none, while the tenant is being written to.
func TestStrangersTakeNothing(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, a *api) {
		a.update(t, func(*gorm.DB) error {
			for _, authorization := range []string{"", "Bearer x", "Basic x", "Bearer " + a.admin + "x"} {
				request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/api/projects", unread{t})
				request.Host = "acme.localhost"
				request.Header.Set("Authorization", authorization)
				reply := httptest.NewRecorder()
				a.router.ServeHTTP(reply, request)
				if reply.Code != http.StatusUnauthorized {
					t.Errorf("%q: status %d", authorization, reply.Code)
				}
			}
			return nil
		})
	})
}
