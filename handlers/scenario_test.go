package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/app"
	"tenantry/handlers/account"
	"tenantry/handlers/pages"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/handlers/uploads"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/files"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

// api is the JSON API on the application's routes, with a tenant "acme" and
// two people who signed in there.
type api struct {
	router   *gin.Engine
	public   *app.Public
	routes   *gin.RouterGroup // under /api, in a scope, signed in: for routes of tests
	env      *tenantstest.Env // of eachAPI, else nil
	store    *tenants.Store
	tenant   *tenants.Tenant
	accounts *account.Accounts
	files    *files.Store
	stored   string // the folder of the files
	clock    *clock
	log      *logBuffer
	// admin and member are sessions of the users adminID and memberID.
	admin, member string
}

// The ids of the users who are always there are below those that tests make.
const (
	adminID       = -1
	memberID      = -2
	otherPassword = "staple horse battery"
	password      = "correct horse battery"
)

// eachAPI runs f on each engine.
func eachAPI(t *testing.T, f func(t *testing.T, a *api)) {
	t.Helper()
	eachEnv(t, func(t *testing.T, env *tenantstest.Env) {
		a := newAPI(t, env.Store, env.Tenant(t, "acme"))
		a.env = env
		f(t, a)
	})
}

// eachEnv runs f on each engine with a store whose log holds no secret.
func eachEnv(t *testing.T, f func(t *testing.T, env *tenantstest.Env)) {
	t.Helper()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			f(t, tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Settings: models.TenantSettings(), Engine: engine, Log: newLog(t).logger()}))
		})
	}
}

func newAPI(t testing.TB, store *tenants.Store, tenant *tenants.Tenant) *api {
	t.Helper()
	a := &api{store: store, tenant: tenant, clock: &clock{at: time.Now()}, log: newLog(t)}
	a.accounts = a.newAccounts(quickHasher(), false)
	a.mount(t)
	a.seedPeople(t)
	return a
}

// mount makes the application's router of the API's parts. Instead of what stands
// before the routes there, requests get an id, and X-Forwarded-For is believed.
func (a *api) mount(t testing.TB) {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	requests := web.New(a.store, web.Options{Domain: domain, Render: problem.Write})
	a.router = gin.New()
	a.router.HandleMethodNotAllowed = true
	a.router.Use(func(c *gin.Context) {
		problem.SetRequestID(c, "req-1")
		c.Header("Content-Security-Policy", "default-src 'none'")
		c.Header("Cache-Control", "no-store")
		if from, err := netip.ParseAddr(c.GetHeader("X-Forwarded-For")); err == nil {
			request.SetClientAddress(c, from)
		}
	}, problem.Middleware(a.log.logger()))
	a.router.NoRoute(problem.NotFound)
	a.router.NoMethod(problem.MethodNotAllowed)
	a.stored = t.TempDir()
	b, err := bucket.OpenFolder(a.stored)
	if err != nil {
		t.Fatal(err)
	}
	a.files = files.New(files.Options{Bucket: b, Tenants: a.store, MaxSize: maxFile, Log: a.log.logger()})
	sent := uploads.Service{Files: a.files, Store: a.store, Accounts: a.accounts}
	a.public = &app.Public{
		Uploads: sent,
		Engine:  a.router, Accounts: a.accounts, Requests: requests, Resolve: requests.Resolve(), Share: func(*gin.Context) {},
		Pages: pages.Options{Store: a.store, Web: requests, Accounts: a.accounts, Domain: domain, Uploads: sent},
	}
	app.Routes(a.public)
	a.routes = a.public.API(web.ScopeOptions{})
}

// maxFile is how large a file may be.
const maxFile = 100_000

// logBuffer keeps what was logged. It is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// newLog is a log of all levels that must hold no secret when the test ends:
// no credential, no hash, no password that any test uses.
func newLog(t testing.TB) *logBuffer {
	l := &logBuffer{}
	secret := regexp.MustCompile(`tnt[stiev]_[A-Za-z0-9_-]{20}|\$argon2id|` + password + `|` + otherPassword)
	t.Cleanup(func() {
		if found := secret.FindString(l.String()); found != "" {
			t.Errorf("the log holds %q: %s", found, l)
		}
	})
	return l
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// send sends a request of the admin to acme. A body is JSON unless a header,
// given as name and value, says otherwise; an empty value takes the header off.
func (a *api) send(t testing.TB, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	body = confirmedBody(method, path, body)
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Host = a.tenant.Subdomain + ".localhost:8080"
	request.Header.Set("Authorization", "Bearer "+a.admin)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			request.Header.Del(header[i])
		}
	}
	reply := httptest.NewRecorder()
	a.router.ServeHTTP(reply, request)
	if reply.Code == http.StatusInternalServerError {
		t.Logf("log: %s", a.log)
	}
	return reply
}

// confirmedBody adds the users' password to an object without one if the route
// gives access.
func confirmedBody(method, path, body string) string {
	asked := method == "POST" && (path == "/api/tokens" || strings.HasPrefix(path, "/api/users")) || method == "PATCH" && strings.HasPrefix(path, "/api/users/")
	switch inside, isObject := strings.CutPrefix(body, "{"); {
	case !asked || strings.Contains(body, `"password"`):
		return body
	case body == "" || body == "{}":
		return `{"password":"` + password + `"}`
	case isObject && strings.HasSuffix(body, "}"):
		return `{"password":"` + password + `",` + inside
	}
	return body
}

// must sends a request, wants the status and returns the body.
func (a *api) must(t testing.TB, status int, method, path, body string, header ...string) string {
	t.Helper()
	reply := a.send(t, method, path, body, header...)
	if reply.Code != status {
		t.Fatalf("%s %s %.200s: status %d, want %d: %s", method, path, body, reply.Code, status, reply.Body)
	}
	return reply.Body.String()
}

// create posts a body and returns the id of what was made.
func (a *api) create(t testing.TB, path, body string) int64 {
	t.Helper()
	var made struct{ ID int64 }
	decode(t, a.must(t, 201, "POST", path, body), &made)
	return made.ID
}

// scenario is a request and what is to come of it.
type scenario struct {
	name         string
	method, path string
	body         string
	header       []string // names and values
	status       int
	contains     []string
	lacks        []string
}

// run sends the request. After one that failed everything is as it was, and the
// reply is a problem that tells nothing of what is underneath.
func (s scenario) run(t *testing.T, a *api) {
	t.Helper()
	name := s.name
	if name == "" {
		name = fmt.Sprintf("%s %s %.60s", s.method, s.path, s.body)
	}
	before := a.dump(t)
	reply := a.send(t, s.method, s.path, s.body, s.header...)
	body := reply.Body.String()
	if reply.Code != s.status {
		t.Errorf("%s: status %d, want %d: %.500s", name, reply.Code, s.status, body)
	}
	for _, want := range s.contains {
		if !strings.Contains(body, want) {
			t.Errorf("%s: reply lacks %q: %.500s", name, want, body)
		}
	}
	for _, bad := range s.lacks {
		if strings.Contains(body, bad) {
			t.Errorf("%s: reply contains %q: %.500s", name, bad, body)
		}
	}
	if reply.Code >= 400 {
		checkProblem(t, name, reply)
		if after := a.dump(t); !reflect.DeepEqual(before, after) {
			t.Errorf("%s: status %d, and yet the data was changed:\n%v\n%v", name, reply.Code, before, after)
		}
	}
}

func runAll(t *testing.T, a *api, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		s.run(t, a)
	}
}

// checkProblem checks the shape of an error reply, and that it is in our words.
func checkProblem(t testing.TB, name string, reply *httptest.ResponseRecorder) {
	t.Helper()
	if got := reply.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: content type %q", name, got)
	}
	var p web.Problem
	strict := json.NewDecoder(bytes.NewReader(reply.Body.Bytes()))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&p); err != nil {
		t.Fatalf("%s: %v: %s", name, err, reply.Body)
	}
	switch {
	case p.Status != reply.Code, !strings.HasPrefix(p.Type, web.ProblemType), p.Title == "", p.Detail == "", p.RequestID != "req-1":
		t.Errorf("%s: problem %+v with status %d", name, p, reply.Code)
	case (p.Errors != nil) != (p.Status == 422):
		t.Errorf("%s: errors %v with status %d", name, p.Errors, p.Status)
	case (reply.Header().Get("Retry-After") != "") != (p.Status == 503 || p.Status == 429):
		t.Errorf("%s: Retry-After %q with status %d", name, reply.Header().Get("Retry-After"), p.Status)
	}
	if got := reply.Header().Get("WWW-Authenticate"); (got == "Bearer") != (p.Status == 401) {
		t.Errorf("%s: WWW-Authenticate %q with status %d", name, got, p.Status)
	}
	text := strings.ToLower(reply.Body.String())
	for _, driver := range []string{"sqlstate", "sqlite", "constraint", "gorm", "pgx", "statement", "strconv", "unmarshal", "goroutine"} {
		if strings.Contains(text, driver) {
			t.Errorf("%s: reply speaks of %q: %s", name, driver, reply.Body)
		}
	}
}

// content is all that a tenant has, but for counted tries.
type content struct {
	Users    []models.User
	Creds    []models.Credential
	Projects []models.Project
	Tasks    []models.Task
	Comments []models.Comment
	Activity []models.Activity
}

// dump reads all that the tenant has, around the API.
func (a *api) dump(t testing.TB) content {
	t.Helper()
	var all content
	a.view(t, func(tx *gorm.DB) error {
		for _, table := range []any{&all.Users, &all.Creds, &all.Projects, &all.Tasks, &all.Comments, &all.Activity} {
			if err := tx.Order("id").Find(table).Error; err != nil {
				return err
			}
		}
		return nil
	})
	return all
}

func (a *api) view(t testing.TB, f tenants.Func) {
	t.Helper()
	if err := a.store.View(t.Context(), a.tenant, f); err != nil {
		t.Fatal(err)
	}
}

func (a *api) update(t testing.TB, f tenants.Func) {
	t.Helper()
	if err := a.store.Update(t.Context(), a.tenant, f); err != nil {
		t.Fatal(err)
	}
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// quoted is a JSON string.
func quoted(t testing.TB, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
