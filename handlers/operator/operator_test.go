package operator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/handlers/auth"
	"tenantry/handlers/operator"
	"tenantry/handlers/problem"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/operators"
	"tenantry/tenants/tenantstest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

const token = "sesame-sesame-sesame-sesame-sesame"

// admins remembers who was let in.
type admins struct {
	fail  error
	calls []string
}

var _ onboard.Admins = (*admins)(nil)

func (a *admins) CheckEmail(email string) error { return auth.CheckEmail(email) }

func (a *admins) InviteAdmin(_ context.Context, t *tenants.Tenant, email string) (string, time.Time, error) {
	a.calls = append(a.calls, "invite "+email+" to "+t.Subdomain)
	return "http://" + t.Subdomain + ".localhost/invitation?token=T", time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), a.fail
}

func (a *admins) SetPassword(_ context.Context, t *tenants.Tenant, email, password string) error {
	a.calls = append(a.calls, "password "+password+" of "+email+" at "+t.Subdomain)
	return a.fail
}

// service is the API on a store, with who was let in.
type service struct {
	api    *operator.API
	router *gin.Engine
	admins *admins
	fleet  *fleet.Fleet
	log    *bytes.Buffer
}

func newService(env *tenantstest.Env, change ...func(o *operator.Options)) *service {
	s := &service{router: gin.New(), admins: &admins{}, log: &bytes.Buffer{}}
	accounts := operators.New(env.Store.Master())
	s.fleet = fleet.New(env.Store, env.Lifecycle, slog.New(slog.DiscardHandler))
	options := operator.Options{
		Store: env.Store, Manager: env.Lifecycle, Fleet: s.fleet, Accounts: accounts,
		Onboard: onboard.New(env.Lifecycle, s.admins), Serving: context.Background(), AddServer: addServer(env), ChangeServer: changeServer(env),
		BackedUpAt: func(context.Context, *tenants.Tenant) (*time.Time, error) { return nil, nil }, Doctor: func(ctx context.Context, c lifecycle.Checkup) ([]lifecycle.Finding, error) {
			c.Keys = env.Keys
			return env.Lifecycle.Doctor(ctx, c)
		}}
	for _, f := range change {
		f(&options)
	}
	s.api = operator.New(options)
	s.router.Use(problem.Middleware(slog.New(slog.NewTextHandler(s.log, nil))))
	s.api.Register(s.router.Group("/api", operator.NewDoors(token, accounts).Guard))
	return s
}

// send sends a request with the lines as Authorization.
func (s *service) send(method, path, body string, authorization ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, request)
	return w
}

// shape is text with ids and times replaced by what they are.
func shape(text string) string {
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(text, "TIME")
	return regexp.MustCompile(`[0-9a-hjkmnp-tv-z]{26}(\.db)?`).ReplaceAllString(text, "ID")
}

func TestGuard(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	for _, test := range []struct {
		lines []string
		want  int
	}{
		{nil, 401},
		{[]string{""}, 401},
		{[]string{"Bearer"}, 401},
		{[]string{"Bearer "}, 401},
		{[]string{token}, 401},
		{[]string{"Basic " + token}, 401},
		{[]string{"Bearer " + token[:33]}, 401},
		{[]string{"Bearer " + token + "x"}, 401},
		{[]string{"Bearer " + strings.ToUpper(token)}, 401},
		{[]string{"Bearer " + token + " x"}, 401},
		{[]string{"Bearer " + token, "Bearer " + token}, 401},
		{[]string{"Bearer x", "Bearer " + token}, 401},
		{[]string{"Bearer " + token}, 200},
		{[]string{"bearer  " + token}, 200},
	} {
		w := s.send("GET", "/api/tenants", "", test.lines...)
		if w.Code != test.want {
			t.Errorf("%q: %d %s, want %d", test.lines, w.Code, w.Body, test.want)
		}
		if test.want == 401 && (w.Header().Get("Content-Type") != "application/problem+json" ||
			!strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") ||
			!strings.Contains(w.Body.String(), "unauthenticated") || strings.Contains(w.Body.String(), "items")) {
			t.Errorf("%q: %v %s", test.lines, w.Header(), w.Body)
		}
	}
}

// TestCreationNeedsTheToken looks at what is stored afterwards.
func TestCreationNeedsTheToken(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	if w := s.send("POST", "/api/tenants", `{"subdomain":"acme"}`, "Bearer wrong"); w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.send("GET", "/api/tenants", "", "Bearer "+token); w.Body.String() != `{"items":[],"next":null}` {
		t.Errorf("%s", w.Body)
	}
}

func TestTenants(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		ask := func(method, path, body string) *httptest.ResponseRecorder {
			return s.send(method, path, body, "Bearer "+token)
		}
		made := ask("POST", "/api/tenants", `{"subdomain":"acme","name":"Acme & Söhne","server":"default"}`)
		var d document.Created
		if err := json.Unmarshal(made.Body.Bytes(), &d); err != nil || made.Code != 201 || made.Header().Get("Location") != "/api/tenants/acme" {
			t.Fatalf("%d %v %s", made.Code, made.Header(), made.Body)
		}
		want := fmt.Sprintf(`"subdomain":"acme","name":"Acme \u0026 Söhne","state":"active","server":"default","database":%q,"schema_version":%d,"domains":[],"created_at":"TIME"}`,
			shape(d.Database), env.Engine.SchemaVersion())
		if got := shape(made.Body.String()); got != `{"id":"ID",`+want {
			t.Errorf("%s, want %s", got, want)
		}
		if w := ask("GET", "/api/tenants/acme", ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), strings.TrimSuffix(made.Body.String(), "}")+`,"limits":{`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		ask("POST", "/api/tenants", `{"subdomain":"globex"}`)
		w := ask("GET", "/api/tenants?limit=1", "")
		if !strings.Contains(w.Body.String(), `"acme"`) || strings.Contains(w.Body.String(), "globex") || !strings.Contains(w.Body.String(), `"next":"acme"`) {
			t.Errorf("%s", w.Body)
		}
		if w := ask("GET", "/api/tenants?after=acme", ""); !strings.Contains(w.Body.String(), `"globex"`) || !strings.Contains(w.Body.String(), `"next":null`) {
			t.Errorf("%s", w.Body)
		}
		if len(s.admins.calls) > 0 {
			t.Errorf("let in %v", s.admins.calls)
		}
	})
}

func TestAdminIsInvited(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	w := s.send("POST", "/api/tenants", `{"subdomain":"acme","admin_email":"ada@example.com"}`, "Bearer "+token)
	want := `"invitation":{"url":"http://acme.localhost/invitation?token=T","expires_at":"2030-01-02T02:04:05Z"}}`
	if w.Code != 201 || !strings.HasSuffix(w.Body.String(), want) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := fmt.Sprint(s.admins.calls); got != "[invite ada@example.com to acme]" {
		t.Error(got)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	env.Tenant(t, "acme")
	s := newService(env)
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/api/tenants", `{"subdomain":"acme"}`, 409, "has this subdomain already"},
		{"POST", "/api/tenants", `{"subdomain":"Globex"}`, 422, `{"field":"subdomain","message":"must begin with a letter from a to z"}`},
		{"POST", "/api/tenants", `{"subdomain":"www"}`, 422, `{"field":"subdomain","message":"is reserved`},
		{"POST", "/api/tenants", `{"subdomain":""}`, 422, `"field":"subdomain"`},
		{"POST", "/api/tenants", `{}`, 422, `{"field":"subdomain","message":"is required"}`},
		{"POST", "/api/tenants", `null`, 422, `{"field":"","message":"must be a JSON object"}`},
		{"POST", "/api/tenants", `{"SUBDOMAIN":"globex"}`, 422, `{"field":"SUBDOMAIN","message":"is unknown"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","Subdomain":"globex"}`, 422, `{"field":"Subdomain","message":"is unknown"}`},
		{"POST", "/api/tenants", `{"subdomain":"acme2","subdomain":"globex"}`, 422, `{"field":"subdomain","message":"is there twice"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","name":null}`, 422, `{"field":"name","message":"must not be null"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","name":"a\u0000b"}`, 422, `{"field":"name","message":"must be valid Unicode text"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","server":"\ud800"}`, 422, `{"field":"server","message":"must be valid Unicode text"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","name":"\u200b\ufeff"}`, 422, `"field":"name"`},
		{"POST", "/api/tenants", `{"subdomain":"globex","name":"a\u2028b"}`, 422, `"field":"name"`},
		{"POST", "/api/tenants/acme/suspend", `{"reason":"unpaid"}`, 422, `{"field":"reason","message":"is unknown"}`},
		{"POST", "/api/tenants/acme/suspend", `{"reason"`, 400, "malformed"},
		{"DELETE", "/api/tenants/acme", `{"dry_run":true}`, 422, `{"field":"dry_run","message":"is unknown"}`},
		{"GET", "/api/tenants?after=%00", ``, 422, `"field":"after"`},
		{"GET", "/api/operations?after=%ff", ``, 422, `"field":"after"`},
		{"GET", "/api/operations?tenant=%00", ``, 422, `"field":"tenant"`},
		{"GET", "/api/tenants/%ff", ``, 404, "not-found"},
		{"DELETE", "/api/tenants/acme/domains/a%00b", ``, 404, "not-found"},
		{"POST", "/api/tenants/%00/suspend", ``, 404, "not-found"},
		{"POST", "/api/tenants", `{"subdomain":7}`, 422, `{"field":"subdomain","message":"must be a string"}`},
		{"POST", "/api/tenants", `[]`, 422, `{"field":"","message":"must be a JSON object"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","colour":1}`, 422, `{"field":"colour","message":"is unknown"}`},
		{"POST", "/api/tenants", `{"subdomain":"globex","name":"` + strings.Repeat("x", 201) + `"}`, 422, `"field":"name"`},
		{"POST", "/api/tenants", `{"subdomain":"globex","server":"moon"}`, 422, `"field":"server"`},
		{"POST", "/api/tenants", `{"subdomain":"globex","admin_email":""}`, 422, `"field":"admin_email"`},
		{"POST", "/api/tenants", `{"subdomain":"globex","admin_email":"Ada <ada@example.com>"}`, 422, `"field":"admin_email"`},
		{"POST", "/api/tenants", `{"subdomain":"globex"`, 400, "malformed"},
		{"POST", "/api/tenants", `{"subdomain":"globex"}{}`, 400, "malformed"},
		{"POST", "/api/tenants", ``, 400, "malformed"},
		{"POST", "/api/tenants", strings.Repeat(" ", 64<<10) + `{"subdomain":"globex"}`, 413, "body-too-large"},
		{"GET", "/api/tenants/globex", ``, 404, "There is no tenant with this subdomain."},
		{"GET", "/api/tenants/a%00b", ``, 404, "not-found"},
		{"GET", "/api/tenants?limit=0", ``, 422, `"field":"limit"`},
		{"GET", "/api/tenants?limit=201", ``, 422, `"field":"limit"`},
		{"GET", "/api/tenants?limit=x", ``, 422, `"field":"limit"`},
	} {
		w := s.send(test.method, test.path, test.body, "Bearer "+token)
		if w.Code != test.status || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", test.method, test.path, test.body, w.Code, w.Body, test.status, test.want)
		}
	}
	page, _, err := env.Lifecycle.List(t.Context(), "", 10)
	if err != nil || len(page) != 1 || len(s.admins.calls) > 0 {
		t.Errorf("%v, %v and %v are there", err, page, s.admins.calls)
	}
}

func TestOnlyJSONIsTaken(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
		request := httptest.NewRequest(http.MethodPost, "/api/tenants", strings.NewReader(`{"subdomain":"acme"}`))
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", media)
		w := httptest.NewRecorder()
		s.router.ServeHTTP(w, request)
		if w.Code != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d %s", media, w.Code, w.Body)
		}
	}
}

// TestAdminNotAdded: there is no tenant then, and the error says so.
func TestAdminNotAdded(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()}))
	s.admins.fail = errors.New("no room")
	w := s.send("POST", "/api/tenants", `{"subdomain":"globex","admin_email":"ada@example.com"}`, "Bearer "+token)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "was not created") || strings.Contains(w.Body.String(), "no room") || !strings.Contains(s.log.String(), "no room") {
		t.Errorf("%d %s; log %s", w.Code, w.Body, s.log)
	}
	if w := s.send("GET", "/api/tenants/globex", "", "Bearer "+token); w.Code != 404 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		tenant := env.Tenant(t, "acme")
		for _, step := range []struct {
			path  string
			code  int
			state tenants.State
		}{
			{"acme/suspend", 200, tenants.StateSuspended},
			{"acme/suspend", 200, tenants.StateSuspended},
			{"acme/resume", 200, tenants.StateActive},
			{"nobody/suspend", 404, tenants.StateActive},
		} {
			w := s.send("POST", "/api/tenants/"+step.path, "", "Bearer "+token)
			if w.Code != step.code || w.Code == 200 && !strings.Contains(w.Body.String(), fmt.Sprintf(`"state":%q`, step.state)) {
				t.Errorf("%s: %d %s", step.path, w.Code, w.Body)
			}
			got, err := env.Lifecycle.Get(t.Context(), "acme")
			if err != nil || got.State != step.state {
				t.Errorf("after %s: %+v, %v", step.path, got, err)
			}
		}
		err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
			return tx.Model(tenant).Update("state", tenants.StateArchived).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if w := s.send("POST", "/api/tenants/acme/suspend", "", "Bearer "+token); w.Code != 409 || !strings.Contains(w.Body.String(), "archived") {
			t.Errorf("archived: %d %s", w.Code, w.Body)
		}
		if w := s.send("POST", "/api/tenants/acme/resume", "", "Bearer wrong"); w.Code != 401 {
			t.Errorf("without the token: %d", w.Code)
		}
	})
}

// changeServer changes servers without a look at their poolers. It can't use a certain one.
func changeServer(env *tenantstest.Env) func(context.Context, string, lifecycle.ServerChange) error {
	return func(ctx context.Context, name string, change lifecycle.ServerChange) error {
		if change.Pooler != nil && *change.Pooler == "nowhere/ada" {
			return fmt.Errorf("%w: no route to host", tenants.ErrUnavailable)
		}
		return env.Lifecycle.ChangeServer(ctx, name, change)
	}
}

// addServer stores servers without a look at them. It refuses those with a certain name.
func addServer(env *tenantstest.Env) func(context.Context, tenants.Server, string) error {
	return func(ctx context.Context, s tenants.Server, url string) error {
		if s.Name == "refused" {
			return fmt.Errorf("%w: no route to host", tenants.ErrUnavailable)
		}
		s.ID, s.URL = strings.ToLower(ulid.Make().String()), []byte(url)
		return env.Lifecycle.AddServer(ctx, s, struct{ tenants.Engine }{env.Engine})
	}
}
