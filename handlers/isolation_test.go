package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tenantry/handlers/auth"
	"tenantry/models"
	"tenantry/tenants/tenantstest"
)

// TestNoForeignRowForSignedInUsers sends 200 signed-in clients' requests over 6
// tenants at 2 handles. Every row bears its tenant's name, ids are the same
// everywhere, and every fifth client comes with the session of another tenant,
// as bearer or as cookie, which must be worth nothing.
func TestNoForeignRowForSignedInUsers(t *testing.T) {
	t.Parallel()
	for _, engine := range tenantstest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace(), Engine: engine, MaxOpen: 2, Wait: time.Minute})
			sites := make([]*api, 6)
			for i := range sites {
				sites[i] = newAPI(t, env.Store, env.Tenant(t, fmt.Sprintf("tenant-%c", 'a'+i)))
			}
			var group sync.WaitGroup
			for client := range 200 {
				group.Go(func() {
					for i := range 3 {
						site := sites[(client+i*5)%len(sites)]
						if client%5 == 0 {
							site.sendAsStranger(t, sites[(client+i*5+1)%len(sites)].admin, client)
						} else {
							site.addAndList(t, client, i)
						}
					}
				})
			}
			group.Wait()
		})
	}
}

// addAndList adds a project named after the tenant, and expects to find its
// kind alone.
func (a *api) addAndList(t *testing.T, client, i int) {
	name := a.tenant.Subdomain
	if client%2 == 0 {
		reply := a.send(t, http.MethodPost, "/api/projects", fmt.Sprintf(`{"name":"%s/%d-%d"}`, name, client, i))
		if reply.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", name, reply.Code, reply.Body)
		}
	}
	reply := a.send(t, http.MethodGet, "/api/projects?limit=200", "")
	var list struct{ Items []struct{ Name string } }
	if err := json.Unmarshal(reply.Body.Bytes(), &list); err != nil || reply.Code != http.StatusOK {
		t.Errorf("%s: %d %s", name, reply.Code, reply.Body)
	}
	for _, project := range list.Items {
		if !strings.HasPrefix(project.Name, name+"/") {
			t.Errorf("%s reads %q", name, project.Name)
		}
	}
}

// sendAsStranger comes with another tenant's session, and expects nothing.
func (a *api) sendAsStranger(t *testing.T, session string, client int) {
	header := []string{"Authorization", "Bearer " + session}
	if client%2 == 0 {
		header = []string{"Authorization", "", "Cookie", auth.CookieName(false) + "=" + session}
	}
	for _, reply := range []*httptest.ResponseRecorder{
		a.send(t, http.MethodGet, "/api/projects", "", header...),
		a.send(t, http.MethodGet, "/api/me", "", header...),
		a.send(t, http.MethodPost, "/api/projects", `{"name":"stranger"}`, header...),
	} {
		if reply.Code != http.StatusUnauthorized || strings.Contains(reply.Body.String(), a.tenant.Subdomain) {
			t.Errorf("%s tells a stranger: %d %s", a.tenant.Subdomain, reply.Code, reply.Body)
		}
	}
}
