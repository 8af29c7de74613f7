package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/onboard"
	"tenantry/tenants/seal"
)

const password = "correct horse battery"

// service is an application whose tenants have an admin each, who is signed in. It is safe for concurrent use.
type service struct {
	*app.App
	public   http.Handler
	sessions map[string]string // by subdomain
}

// onPostgres returns the configuration of an installation whose master is at the URL.
func onPostgres(t *testing.T, url string) app.Config {
	t.Helper()
	c := app.Defaults()
	c.DataDir, c.DatabaseURL, c.SecretKey = t.TempDir(), url, app.Secret(seal.GenerateKey())
	c.InstanceTTL = "2s"
	return c
}

// open opens an application and creates tenants. It is closed when the test ends.
func open(t *testing.T, c app.Config, subdomains ...string) *service {
	t.Helper()
	opened, err := app.New(t.Context(), c, app.Options{Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &service{App: opened, public: opened.Public(), sessions: map[string]string{}}
	for _, subdomain := range subdomains {
		s.create(t, subdomain, tenants.DefaultServer)
	}
	return s
}

// create creates a tenant on a server, with an admin who signs in.
func (s *service) create(t *testing.T, subdomain, server string) {
	t.Helper()
	email := "ada@" + subdomain + ".example"
	_, _, err := s.Onboard().Create(t.Context(), lifecycle.NewTenant{Subdomain: subdomain, Server: server}, onboard.Admin{Email: email, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	r := s.ask(http.MethodPost, subdomain, "/api/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password))
	var begun struct{ Token string }
	if err := json.Unmarshal(r.Body.Bytes(), &begun); err != nil || r.Code != http.StatusCreated {
		t.Fatalf("sign in to %s: %d %s", subdomain, r.Code, r.Body)
	}
	s.sessions[subdomain] = begun.Token
}

// ask sends a request of the tenant's admin.
func (s *service) ask(method, subdomain, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Host = subdomain + ".localhost"
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if session := s.sessions[subdomain]; session != "" {
		request.Header.Set("Authorization", "Bearer "+session)
	}
	r := httptest.NewRecorder()
	s.public.ServeHTTP(r, request)
	return r
}

// projects returns the names of all of the tenant's projects.
func (s *service) projects(t *testing.T, subdomain string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for path := "/api/projects?limit=200"; path != ""; {
		r := s.ask(http.MethodGet, subdomain, path, "")
		var page struct {
			Items []struct{ Name string }
			Next  string
		}
		if err := json.Unmarshal(r.Body.Bytes(), &page); err != nil || r.Code != http.StatusOK {
			t.Fatalf("projects of %s: %d %s", subdomain, r.Code, r.Body)
		}
		for _, project := range page.Items {
			names[project.Name] = true
		}
		if path = ""; page.Next != "" {
			path = "/api/projects?limit=200&after=" + page.Next
		}
	}
	return names
}
