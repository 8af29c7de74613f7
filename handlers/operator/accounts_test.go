package operator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// account makes an operator's account by the API, and returns its Authorization.
func (s *service) account(t *testing.T, name, role string) string {
	t.Helper()
	w := s.send("POST", "/api/operators", `{"name":"`+name+`","role":"`+role+`"}`, "Bearer "+token)
	var made struct{ Token string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != http.StatusCreated || made.Token == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return "Bearer " + made.Token
}

// TestRoles sends a request to each route as each role. Who isn't allowed gets a 403, whatever the request would do.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := newService(tenantstest.New(t, tenantstest.Options{}))
	roles := []string{"viewer", "operator", "owner"}
	authorization := map[string]string{}
	for _, role := range roles {
		authorization[role] = s.account(t, "the-"+role, role)
	}
	least := map[string]string{
		"GET /api/tenants/nope/export": "operator", "GET /api/tenants/nope/export?credentials=true": "owner", "DELETE /api/tenants/nope?purge=true": "owner",
		"DELETE /api/tenants/nope?purge": "owner", "GET /api/tenants/nope/export?credentials=false": "operator", "DELETE /api/tenants/nope?purge=false": "operator",
		"POST /api/servers": "owner", "GET /api/operators": "owner", "GET /api/operators/nope": "owner",
		"POST /api/operators": "owner", "PATCH /api/operators/nope": "owner", "DELETE /api/operators/nope": "owner",
		"POST /api/operators/nope/tokens": "owner", "DELETE /api/operators/nope/tokens/nope": "owner",
	}
	for _, route := range s.router.Routes() {
		path := route.Path
		for _, name := range []string{":subdomain", ":host", ":server", ":run", ":operator", ":token"} {
			path = strings.ReplaceAll(path, name, "nope")
		}
		if _, listed := least[route.Method+" "+path]; listed || route.Method == http.MethodHead {
			continue
		}
		least[route.Method+" "+path] = map[bool]string{true: "viewer", false: "operator"}[route.Method == http.MethodGet]
	}
	for request, want := range least {
		method, path, _ := strings.Cut(request, " ")
		allowed := false
		for _, role := range roles {
			allowed = allowed || role == want
			w := s.send(method, path, "{", authorization[role]) // a body that does nothing
			if (w.Code != http.StatusForbidden) != allowed || w.Code == http.StatusUnauthorized {
				t.Errorf("%s as %s: %d %s", request, role, w.Code, w.Body)
			}
		}
	}
	if len(least) < 35 {
		t.Errorf("only %d routes", len(least))
	}
}

// TestOperatorsByAPI: the ledger has the account's name, whatever the header says, and a token is worth nothing once it is
// revoked.
func TestOperatorsByAPI(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		ada := s.account(t, "ada@example.com", "operator")
		if w := s.send("POST", "/api/tenants", `{"subdomain":"acme"}`, ada); w.Code != http.StatusCreated {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		made, _, err := env.Lifecycle.Operations(t.Context(), lifecycle.OperationFilter{Subdomain: "acme", Kind: tenants.KindCreate}, "", 1)
		if err != nil || len(made) != 1 || made[0].By != "ada@example.com" {
			t.Errorf("the ledger has %+v, %v", made, err)
		}
		for _, test := range []struct {
			method, path, body string
			want               int
		}{
			{"POST", "", `{"name":"ada@example.com","role":"owner"}`, 409},
			{"POST", "", `{"name":"Ada","role":"owner"}`, 422},
			{"POST", "", `{"name":"bob","role":"root"}`, 422},
			{"POST", "", `{"name":"bob"}`, 422},
			{"GET", "/nope", "", 404},
			{"PATCH", "/nope", `{"role":"owner"}`, 404},
			{"PATCH", "/ada@example.com", `{"role":"root"}`, 422},
			{"PATCH", "/ada@example.com", `{"role":"viewer"}`, 200},
			{"DELETE", "/ada@example.com/tokens/nope", "", 404},
			{"POST", "/nope/tokens", "", 404},
			{"DELETE", "/nope", "", 404},
		} {
			if w := s.send(test.method, "/api/operators"+test.path, test.body, "Bearer "+token); w.Code != test.want {
				t.Errorf("%s %s %s: %d %s", test.method, test.path, test.body, w.Code, w.Body)
			}
		}
		if w := s.send("POST", "/api/tenants/acme/suspend", "", ada); w.Code != http.StatusForbidden {
			t.Errorf("a viewer suspends: %d %s", w.Code, w.Body)
		}
		var shown struct{ Tokens []struct{ ID string } }
		w := s.send("GET", "/api/operators/ada@example.com", "", "Bearer "+token)
		if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil || len(shown.Tokens) != 1 || strings.Contains(w.Body.String(), "tnto_") {
			t.Fatalf("%s, %v", w.Body, err)
		}
		if w := s.send("DELETE", "/api/operators/ada@example.com/tokens/"+shown.Tokens[0].ID, "", "Bearer "+token); w.Code != http.StatusNoContent {
			t.Errorf("revoke: %d %s", w.Code, w.Body)
		}
		if w := s.send("GET", "/api/tenants", "", ada); w.Code != http.StatusUnauthorized {
			t.Errorf("with a revoked token: %d %s", w.Code, w.Body)
		}
		for kind, want := range map[tenants.OperationKind]int{tenants.KindOperatorAdd: 1, tenants.KindOperatorRole: 1, tenants.KindOperatorRevoke: 1, tenants.KindOperatorRemove: 0} {
			w := s.send("GET", "/api/operations?kind="+string(kind), "", "Bearer "+token)
			if n := strings.Count(w.Body.String(), `"by":"operator"`); n != want || w.Code != http.StatusOK || strings.Contains(w.Body.String(), "tnto_") {
				t.Errorf("the ledger of %s: %d %s", kind, w.Code, w.Body)
			}
		}
	})
}
