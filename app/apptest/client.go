package apptest

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
)

// Tenant returns the tenant at the subdomain. If there is none, it makes one, with the admin that every tenant here has.
func (a *App) Tenant(t testing.TB, subdomain string) *tenants.Tenant {
	t.Helper()
	if found, err := a.Manager().Get(t.Context(), subdomain); err == nil {
		return found
	}
	made, _, err := a.Onboard().Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain}, onboard.Admin{Email: Email, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Client returns a client that is signed in to a tenant, which is made if there is none, as the person with the e-mail
// address: the admin if that is Email, else a member, who is invited unless an earlier call did. It sends requests to the
// application's handlers in this process; an address without a host, such as "/api/projects", is one of the tenant.
func (a *App) Client(t testing.TB, subdomain, email string) *http.Client {
	t.Helper()
	a.Tenant(t, subdomain)
	way := &transport{app: a, host: subdomain + "." + a.BaseDomain().String()}
	client := &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	credentials := map[string]string{"email": email, "password": password}
	begun, status := post(t, client, "/api/session", credentials)
	if status != http.StatusCreated && email != Email {
		begun = a.invite(t, a.Client(t, subdomain, Email), client, email)
	}
	if way.session, _ = begun["token"].(string); way.session == "" {
		t.Fatalf("%s can't sign in to %s: %v", email, subdomain, begun)
	}
	return client
}

// invite adds a member, who accepts the invitation.
func (a *App) invite(t testing.TB, admin, person *http.Client, email string) map[string]any {
	t.Helper()
	name, _, _ := strings.Cut(email, "@")
	made, status := post(t, admin, "/api/users", map[string]string{"email": email, "name": name, "password": password})
	invitation, _ := made["invitation"].(map[string]any)
	link, err := url.Parse(fmt.Sprint(invitation["url"]))
	if status != http.StatusCreated || err != nil {
		t.Fatalf("invite %s: %d %v, %v", email, status, made, err)
	}
	joined, _ := post(t, person, "/api/invitation", map[string]string{"token": link.Query().Get("token"), "password": password})
	return joined
}

// post sends JSON, and returns what it got.
func post(t testing.TB, client *http.Client, path string, body map[string]string) (got map[string]any, status int) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := client.Post(path, "application/json", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	all, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(all, &got) // an answer without a body stays nil
	return got, reply.StatusCode
}

// transport sends requests to the application's handlers.
type transport struct {
	app           *App
	host, session string
}

// RoundTrip answers a request.
func (w *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if r.Host = r.URL.Host; r.Host == "" {
		r.Host = w.host
	}
	if w.session != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+w.session)
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.URL.Scheme, r.URL.Host = "", "" // as a server reads it
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), "192.0.2.1:1234"
	reply := httptest.NewRecorder()
	w.app.public.ServeHTTP(reply, r)
	return reply.Result(), nil
}

// Load adds the rows in a folder's files to a tenant, as fixtures.Load says.
func (a *App) Load(t testing.TB, subdomain string, folder fs.FS) {
	t.Helper()
	if _, err := a.LoadFixtures(t.Context(), a.Tenant(t, subdomain), folder); err != nil {
		t.Fatal(err)
	}
}

// Drain runs a tenant's jobs that are due, until none is.
func (a *App) Drain(t testing.TB, subdomain string) {
	t.Helper()
	if err := a.DrainJobs(t.Context(), a.Tenant(t, subdomain)); err != nil {
		t.Fatal(err)
	}
}
