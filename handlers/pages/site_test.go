package pages_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"tenantry/handlers"
	"tenantry/handlers/account"
	"tenantry/handlers/auth"
	"tenantry/handlers/pages"
	"tenantry/handlers/problem"
	"tenantry/handlers/request"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/web"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

const (
	password      = "correct horse battery"
	otherPassword = "staple horse battery"
	// policy is a content policy as the application sends it.
	policy = "default-src 'none'; form-action 'self'"
)

// site is the pages, as the application wires them, with a tenant "acme" and two
// people who signed in there.
type site struct {
	router        *gin.Engine
	store         *tenants.Store
	tenant        *tenants.Tenant
	adminID       int64
	memberID      int64
	admin, member string // sessions
	// fail is what every form fails with, where it is set.
	fail error
}

// each runs f on each engine.
func each(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) { f(t, newSite(t, env)) })
}

func quickHasher() *auth.Hasher {
	return auth.NewHasherWith(auth.Params{Memory: 8, Passes: 1, Lanes: 1}, 0)
}

func newSite(t testing.TB, env *tenantstest.Env) *site {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{store: env.Store, tenant: env.Tenant(t, "acme"), router: gin.New()}
	accounts := account.New(account.Options{
		Store: env.Store, Hasher: quickHasher(), Log: slog.New(slog.DiscardHandler),
		Origin: func(subdomain string) string {
			return strings.Replace("http://"+subdomain+".localhost:8080", "//.", "//", 1)
		},
	})
	s.router.RedirectTrailingSlash = false
	requests := web.New(env.Store, web.Options{Domain: domain, Render: problem.Write})
	made := pages.New(pages.Options{Store: env.Store, Web: requests, Accounts: accounts, Domain: domain,
		Demo: []pages.Demo{{Name: "Acme", URL: "http://acme.localhost:8080", Email: "mara@acme.example", Password: "open sesame"}}})
	s.router.Use(func(c *gin.Context) {
		problem.SetRequestID(c, "req-1")
		c.Header("Content-Security-Policy", policy)
	}, problem.Middleware(slog.New(slog.DiscardHandler)), made.Errors(), func(c *gin.Context) {
		if s.fail != nil && c.Request.Method == http.MethodPost {
			_ = c.Error(s.fail)
			c.Abort()
		}
	})
	s.router.NoRoute(requests.Resolve(), problem.NotFound)
	made.RegisterAccounts(s.router)
	made.Register(s.router)
	list := s.router.Group("/api", requests.Resolve(), requests.Scoped(web.ScopeOptions{}), accounts.Authenticate())
	list.GET("/projects/:id/tasks", request.Do(handlers.ListTasks))
	s.adminID, s.admin = s.person(t, "Ada", models.RoleAdmin)
	s.memberID, s.member = s.person(t, "Ben", models.RoleMember)
	return s
}

// person makes a user with a password and a session.
func (s *site) person(t testing.TB, name string, role models.Role) (id int64, session string) {
	t.Helper()
	hash, err := quickHasher().Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	session, digest := auth.Mint(s.tenant.ID, auth.KindSession)
	now := time.Now()
	user := models.User{Email: strings.ToLower(name) + "@acme.test", Name: name, Role: role, PasswordHash: &hash, Credentials: []models.Credential{
		{Kind: models.KindSession, Digest: digest, ExpiresAt: now.Add(24 * time.Hour), LastUsedAt: &now},
	}}
	s.update(t, func(tx *gorm.DB) error { return tx.Create(&user).Error })
	return user.ID, session
}

func (s *site) update(t testing.TB, f tenants.Func) {
	t.Helper()
	if err := s.store.Update(t.Context(), s.tenant, f); err != nil {
		t.Fatal(err)
	}
}

// project makes a project with tasks of the titles.
func (s *site) project(t testing.TB, name string, titles ...string) models.Project {
	t.Helper()
	project := models.Project{Name: name}
	for i, title := range titles {
		project.Tasks = append(project.Tasks, models.Task{Title: title, Status: models.StatusTodo, Position: int64(i+1) * 1024})
	}
	s.update(t, func(tx *gorm.DB) error { return tx.Create(&project).Error })
	return project
}

// load reads a task as it is stored.
func (s *site) load(t testing.TB, id int64) models.Task {
	t.Helper()
	var task models.Task
	if err := s.store.View(t.Context(), s.tenant, func(tx *gorm.DB) error { return tx.Take(&task, id).Error }); err != nil {
		t.Fatal(err)
	}
	return task
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// browser is the header of a request as browsers send it.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// newRequest is a request of a browser to a host; a form makes it a post.
func newRequest(t testing.TB, host, path, session string, form url.Values, header ...string) *http.Request {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.Host = host
	r.Header.Set("Accept", browser)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if session != "" {
		r.Header.Set("Cookie", "session="+session)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (s *site) send(t testing.TB, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, r)
	checkPage(t, r.Method+" "+r.URL.Path, w)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// inline matches what the content policy forbids.
var inline = regexp.MustCompile(`(?i)<style|<script(?:[^>]*>[^<]|>)| style=| on[a-z]+="|javascript:`)

// checkPage checks what is true of every page.
func checkPage(t testing.TB, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") || w.Body.Len() == 0 {
		return
	}
	if found := inline.FindString(w.Body.String()); found != "" {
		t.Errorf("%s: the page has %q, which its policy forbids", name, found)
	}
	if w.Code != http.StatusSeeOther && w.Header().Get("HX-Retarget") != "#alert" && !bytes.Contains(w.Body.Bytes(), []byte("</html>")) {
		t.Errorf("%s: the page is cut off: %s", name, w.Body)
	}
}

// get opens a page of acme.
func (s *site) get(t testing.TB, session, path string) reply {
	t.Helper()
	return s.send(t, newRequest(t, "acme.localhost", path, session, nil))
}

// post sends a form, given as names and values.
func (s *site) post(t testing.TB, session, path string, pairs ...string) reply {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	if asksForPassword(path) && !form.Has("password") {
		form.Set("password", password)
	}
	return s.send(t, newRequest(t, "acme.localhost", path, session, form))
}

// asksForPassword reports which forms must be confirmed with the password.
func asksForPassword(path string) bool {
	return path == "/account" || path == "/account/tokens" || strings.HasPrefix(path, "/people") && !strings.HasSuffix(path, "/delete")
}

// expect checks the status, and what the page holds and, after an empty text,
// what it doesn't.
func (r reply) expect(t testing.TB, status int, texts ...string) reply {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d: %.2000s", r.status, status, r.body)
	}
	lacks := false
	for _, text := range texts {
		if text == "" {
			lacks = true
		} else if strings.Contains(r.body, text) == lacks {
			t.Errorf("the page holds %q: %t: %.6000s", text, lacks, r.body)
		}
	}
	return r
}

// expectPart checks an answer of which htmx shows the message and changes nothing
// else.
func (r reply) expectPart(t testing.TB, status int, texts ...string) reply {
	t.Helper()
	r.expect(t, status, append([]string{`id="problem"`}, append(texts, "", "<html", "<main")...)...)
	for name, want := range map[string]string{"HX-Retarget": "#alert", "HX-Reselect": "#problem", "HX-Reswap": "innerHTML", "HX-Push-Url": "false"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	return r
}

// leads checks that the browser is sent to a path.
func (r reply) leads(t testing.TB, to string) reply {
	t.Helper()
	if r.status != http.StatusSeeOther || r.header.Get("Location") != to {
		t.Errorf("status %d to %q, want 303 to %q: %.2000s", r.status, r.header.Get("Location"), to, r.body)
	}
	return r
}

func path(format string, args ...any) string { return fmt.Sprintf(format, args...) }
