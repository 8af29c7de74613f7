package console_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
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
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/console"
	"tenantry/handlers/mail"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
	"tenantry/tenants/visits"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

const token = "sesame-sesame-sesame-sesame-sesame"

// site is the console and the operator's API, as the application wires them.
type site struct {
	*tenantstest.Env
	router  *gin.Engine
	traffic *traffic.Recorder
	archive *traffic.Archive
	now     time.Time
	tls     bool
	doctor  func(what lifecycle.Checkup) ([]lifecycle.Finding, error)
	session string // a cookie
	crowded bool   // its tenants have many people
	fleet   *fleet.Fleet
}

// admins makes invalid links.
type admins struct{}

func (admins) CheckEmail(email string) error { return auth.CheckEmail(email) }

func (admins) InviteAdmin(_ context.Context, t *tenants.Tenant, email string) (string, time.Time, error) {
	if strings.HasPrefix(email, "fail@") {
		return "", time.Time{}, errors.New("no room")
	}
	return "http://" + t.Subdomain + ".localhost/invitation?token=T", time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), nil
}

func (admins) SetPassword(context.Context, *tenants.Tenant, string, string) error { return nil }

// each runs f on each engine, signed in.
func each(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace(), Settings: models.TenantSettings()}, func(t *testing.T, env *tenantstest.Env) { f(t, newSite(t, env)) })
}

// small is a site on SQLite, for what knows no engine.
func small(t *testing.T) *site {
	t.Helper()
	return newSite(t, tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
}

func newSite(t testing.TB, env *tenantstest.Env) *site {
	t.Helper()
	domain, err := tenants.ParseBaseDomain("localhost")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Env: env, router: gin.New(), now: time.Now()}
	clock := func() time.Time { return s.now }
	s.traffic = traffic.New(10, clock)
	s.archive = traffic.NewArchive(s.traffic, env.Store.Master())
	onboard := onboard.New(env.Lifecycle, admins{})
	runs := fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
	s.fleet = runs
	t.Cleanup(runs.Wait)
	accounts := operators.New(env.Store.Master())
	doors := operator.NewDoors(token, accounts)
	api := operator.New(operator.Options{Store: env.Store, Manager: env.Lifecycle, Fleet: runs, Onboard: onboard, Domain: domain, Accounts: accounts,
		BackedUpAt: func(context.Context, *tenants.Tenant) (*time.Time, error) { return nil, nil }})
	post := mail.NewPost(nil, map[string]mail.Writer{"test": {Write: func(_ *gorm.DB, t *tenants.Tenant, m mail.Message) (*mail.Letter, error) {
		if m.UserID == 0 {
			return nil, nil
		}
		return &mail.Letter{To: "ida@acme.test", Subject: "Your <password>", Text: "https://" + t.Subdomain + ".test/invitation?token=T"}, nil
	}}}, slog.New(slog.DiscardHandler))
	made := console.New(console.Options{
		Doors: doors, Accounts: accounts, Store: env.Store, Manager: env.Lifecycle, Fleet: runs,
		LetIn: s.letIn, People: func(context.Context, *tenants.Tenant, int) ([]models.User, bool, error) {
			return []models.User{{Name: "Ida <b>", Email: "ida@acme.test"}}, s.crowded, nil
		},
		Onboard: onboard, Traffic: s.archive, Domain: domain, Post: post,
		Doctor: func(_ context.Context, what lifecycle.Checkup) ([]lifecycle.Finding, error) { return s.doctor(what) },
		Origin: func(name string) string { return "http://" + name + ".localhost:8080" },
		TLS:    func(*gin.Context) bool { return s.tls },
		ChangeServer: func(ctx context.Context, name string, change lifecycle.ServerChange) error {
			if change.Pooler != nil && *change.Pooler == "nowhere/x" {
				return fmt.Errorf("%w: no route to host", tenants.ErrUnavailable)
			}
			if change.Pooler != nil && strings.Contains(*change.Pooler, "@") {
				return &tenants.ServerError{Field: "pooler", Rule: "names a user"}
			}
			return env.Lifecycle.ChangeServer(ctx, name, change)
		},
		AddServer: func(ctx context.Context, row tenants.Server, url string) error {
			row.ID, row.URL = strings.ToLower(ulid.Make().String()), []byte(url)
			return env.Lifecycle.AddServer(ctx, row, struct{ tenants.Engine }{env.Engine})
		},
		Serving: t.Context(), Now: clock, Manual: fstest.MapFS{
			"tenants.md":  {Data: []byte("# The life of a tenant\n\nSee `doctor`. <b>\n")},
			"settings.md": {Data: []byte("# Settings\n\n| name | default |\n|---|---|\n| x | none |\n")},
		},
	})
	s.router.RedirectTrailingSlash = false
	s.router.Use(func(c *gin.Context) { problem.SetRequestID(c, "req-1") },
		problem.Middleware(slog.New(slog.DiscardHandler)), made.Errors())
	s.router.NoRoute(made.OrGuard(doors.Guard), problem.NotFound)
	made.Register(s.router)
	api.Register(s.router.Group("/api", doors.Guard))
	s.session = s.signIn(t, "Ada")
	return s
}

// letIn records a visit whose link leads nowhere.
func (s *site) letIn(ctx context.Context, by lifecycle.Operator, who operators.Identity, subdomain string, e lifecycle.Entry) (*visits.Entrance, error) {
	digest := sha256.Sum256([]byte("link"))
	made, err := visits.New(s.Store.Master()).Ask(ctx, s.Lifecycle, by, who, subdomain, visits.Request{Entry: e, UserID: 1, Link: digest[:]})
	return &visits.Entrance{Visit: made, Tenant: &tenants.Tenant{Subdomain: subdomain}, URL: "https://acme.test/enter?token=T"}, err
}

// signIn returns a session's cookie.
func (s *site) signIn(t testing.TB, name string) string {
	t.Helper()
	r := s.send(t, request(t, "/sign-in", "", url.Values{"token": {token}, "name": {name}})).leads(t, "/")
	cookie, _, _ := strings.Cut(r.header.Get("Set-Cookie"), ";")
	return cookie
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// request is a request of a browser; a form makes it a post.
func request(t testing.TB, path, cookie string, form url.Values, header ...string) *http.Request {
	t.Helper()
	method, body := http.MethodGet, io.Reader(http.NoBody)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
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
	if w.Code != http.StatusSeeOther && !bytes.Contains(w.Body.Bytes(), []byte("</html>")) {
		t.Errorf("%s: the page is cut off: %s", name, w.Body)
	}
	if strings.Contains(w.Body.String(), token) {
		t.Errorf("%s: the page tells the token", name)
	}
}

// get opens a page.
func (s *site) get(t testing.TB, path string) reply {
	t.Helper()
	return s.send(t, request(t, path, s.session, nil))
}

// post sends a form, given as names and values.
func (s *site) post(t testing.TB, path string, pairs ...string) reply {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return s.send(t, request(t, path, s.session, form))
}

// expect checks the status, and what the page holds and, after an empty text,
// what it doesn't.
func (r reply) expect(t testing.TB, status int, texts ...string) reply {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d: %.3000s", r.status, status, r.body)
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

// leads checks that the browser is sent to a path.
func (r reply) leads(t testing.TB, to string) reply {
	t.Helper()
	if r.status != http.StatusSeeOther || r.header.Get("Location") != to {
		t.Errorf("status %d to %q, want 303 to %q: %.3000s", r.status, r.header.Get("Location"), to, r.body)
	}
	return r
}
