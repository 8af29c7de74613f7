// Package apptest runs an application in tests: its real routes, on each engine, for an
// admin who is signed in. It is for this project's tests and for those of applications
// built on it.
package apptest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/tenantstest/pgcluster"
)

// The tenant that every App has, and its admin.
const (
	Subdomain = "acme"
	Email     = "ada@acme.example"
	password  = "correct horse battery"
)

// App is an application with a tenant and its admin. Only the test's goroutine may use it.
type App struct {
	*app.App
	public  http.Handler
	session string
}

// Each runs f as a parallel subtest on each engine, with a new App. On a machine
// without Postgres its subtest is skipped, as by tenantstest.Each.
func Each(t *testing.T, o app.Options, f func(t *testing.T, a *App)) {
	t.Helper()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) { f(t, New(t, engine, o)) })
}

// New returns an App for one test. All of it is removed when the test ends.
func New(t testing.TB, engine tenantstest.Engine, o app.Options) *App {
	t.Helper()
	c := app.Defaults()
	c.DataDir = t.TempDir()
	if engine == tenantstest.Postgres {
		c.DatabaseURL, c.SecretKey = pgcluster.Database(t), app.Secret(seal.GenerateKey())
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	opened, err := app.New(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	a := &App{App: opened, public: opened.Public()}
	t.Cleanup(func() { a.remove(t) })
	admin := onboard.Admin{Email: Email, Password: password}
	if _, _, err := a.Onboard().Create(t.Context(), lifecycle.NewTenant{Subdomain: Subdomain}, admin); err != nil {
		t.Fatal(err)
	}
	a.signIn(t)
	return a
}

// Expect sends a request of the admin to the tenant and returns the body of the reply. It
// fails the test unless the reply has the status and contains the texts. A body is JSON;
// without one, the client prefers pages.
func (a *App) Expect(t testing.TB, method, path, body string, status int, texts ...string) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Host = Subdomain + "." + a.BaseDomain().String()
	request.Header.Set("Accept", "text/html")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if a.session != "" {
		request.Header.Set("Authorization", "Bearer "+a.session)
	}
	reply := httptest.NewRecorder()
	a.public.ServeHTTP(reply, request)
	got := reply.Body.String()
	missing := slices.IndexFunc(texts, func(text string) bool { return !strings.Contains(got, text) })
	if reply.Code != status || missing >= 0 {
		t.Errorf("%s %s: %d %s; want %d with %q", method, path, reply.Code, got, status, texts)
	}
	return got
}

// signIn begins the admin's session.
func (a *App) signIn(t testing.TB) {
	t.Helper()
	body := a.Expect(t, http.MethodPost, "/api/session", `{"email":"`+Email+`","password":"`+password+`"}`, http.StatusCreated)
	var begun struct{ Token string }
	if err := json.Unmarshal([]byte(body), &begun); err != nil {
		t.Fatal(err)
	}
	a.session = begun.Token
}

// remove drops the tenants' databases and closes the application.
func (a *App) remove(t testing.TB) {
	ctx := context.Background()
	defer func() {
		if err := a.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	made, _, err := a.Manager().List(ctx, "", 1000)
	if err != nil {
		t.Error(err)
		return
	}
	engine, err := a.Store().Server(tenants.DefaultServer)
	if err != nil {
		t.Error(err)
		return
	}
	for i := range made {
		if err := engine.Drop(ctx, &made[i]); err != nil {
			t.Error(err)
		}
	}
}
