package operator_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tenantry/handlers/operator"
	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest"
)

// as sends a request of the operator with that name.
func (s *service) as(name, method, path, body string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set(operator.NameHeader, name)
	w := httptest.NewRecorder()
	s.router.ServeHTTP(w, request)
	return w
}

// decoded decodes an answer.
func decoded[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var d T
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return d
}

// TestLifeOfATenant goes through all of it, and reads the story.
func TestLifeOfATenant(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		for _, step := range []struct {
			request, body string
			status        int
			state         tenants.State
		}{
			{"POST /api/tenants", `{"subdomain":"acme"}`, 201, tenants.StateActive},
			{"PATCH /api/tenants/acme", `{"subdomain":"forge","redirect_days":3}`, 200, tenants.StateActive},
			{"PATCH /api/tenants/forge", `{"name":"Forge & Sons"}`, 200, tenants.StateActive},
			{"PATCH /api/tenants/forge", `{"limits":{"requests":"100/s"}}`, 200, tenants.StateActive},
			{"DELETE /api/tenants/forge", ``, 200, tenants.StateArchived},
			{"DELETE /api/tenants/forge", ``, 200, tenants.StateArchived},
			{"POST /api/tenants/forge/restore", ``, 200, tenants.StateActive},
			{"DELETE /api/tenants/forge?purge=true", ``, 409, ""},
			{"DELETE /api/tenants/forge?purge=false", ``, 200, tenants.StateArchived},
			{"DELETE /api/tenants/forge?purge=true", ``, 200, tenants.StatePurged},
			{"POST /api/tenants/forge/restore", ``, 200, tenants.StateActive},
			{"DELETE /api/tenants/forge", ``, 200, tenants.StateArchived},
			{"DELETE /api/tenants/forge?purge=true&grace_days=0", ``, 200, tenants.StatePurged},
			{"POST /api/tenants/forge/restore", ``, 409, ""},
			{"POST /api/tenants", `{"subdomain":"forge"}`, 409, ""},
		} {
			method, path, _ := strings.Cut(step.request, " ")
			w := s.as("Ada", method, path, step.body)
			if w.Code != step.status || step.state != "" && decoded[document.Tenant](t, w).State != step.state {
				t.Errorf("%s: %d %s", step.request, w.Code, w.Body)
			}
		}
		story := decoded[document.List[document.Operation]](t, s.as("Ada", "GET", "/api/operations?tenant=forge", "")).Items
		var kinds []string
		for _, o := range story {
			kinds = append(kinds, string(o.Kind))
			if o.By != "Ada" || o.State != tenants.OperationDone || o.FinishedAt == nil {
				t.Errorf("%+v", o)
			}
		}
		if got := strings.Join(kinds, " "); got != "remove purge archive restore purge archive unarchive archive limit set-name rename create" {
			t.Error(got)
		}
	})
}

func TestOperationsInPages(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	s := newService(env)
	for _, name := range []string{"acme", "globex", "initech"} {
		env.Tenant(t, name)
	}
	var seen []string
	for path := "/api/operations?limit=2"; path != ""; {
		page := decoded[document.List[document.Operation]](t, s.as("x", "GET", path, ""))
		for _, o := range page.Items {
			seen = append(seen, o.Subdomain)
		}
		path = ""
		if page.Next != nil {
			path = "/api/operations?limit=2&after=" + *page.Next
		}
	}
	if got := strings.Join(seen, " "); got != "initech globex acme" {
		t.Error(got)
	}
	if page := decoded[document.List[document.Operation]](t, s.as("x", "GET", "/api/operations?unfinished=true", "")); len(page.Items) != 0 {
		t.Errorf("unfinished: %+v", page.Items)
	}
}

// TestDoctor examines with GET, and repairs with POST.
func TestDoctor(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	acme := env.Tenant(t, "acme")
	if err := os.Chmod(filepath.Join(env.Dir, "tenants", acme.Database), 0o644); err != nil {
		t.Fatal(err)
	}
	s := newService(env)
	for _, step := range []struct {
		method   string
		found    int
		repaired bool
	}{{"GET", 1, false}, {"GET", 1, false}, {"POST", 1, true}, {"GET", 0, false}} {
		w := s.as("Ada", step.method, "/api/doctor", "")
		found := decoded[document.List[lifecycle.Finding]](t, w).Items
		if w.Code != 200 || len(found) != step.found || len(found) > 0 && found[0].Repaired != step.repaired {
			t.Errorf("%s: %d %s", step.method, w.Code, w.Body)
		}
	}
}

// TestDoctorNamesAlteredSchema has a table renamed, which a repair doesn't undo.
func TestDoctorNamesAlteredSchema(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	env.Tenant(t, "globex")
	env.Alter(t, env.Tenant(t, "acme"), "ALTER TABLE tasks RENAME TO chores")
	s := newService(env)
	for _, method := range []string{"GET", "POST"} {
		w := s.as("Ada", method, "/api/doctor", "")
		found := decoded[document.List[lifecycle.Finding]](t, w).Items
		if w.Code != 200 || len(found) != 1 || found[0].Kind != "schema-differs" || found[0].Subject != "acme" || found[0].Repaired ||
			!strings.HasPrefix(found[0].Detail, "table chores is in no migration") {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

// unpublished knows no record.
type unpublished struct{}

func (unpublished) LookupTXT(_ context.Context, name string) ([]string, error) {
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// TestDomains: nothing is published, so that none is verified.
func TestDomains(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	env.Tenant(t, "acme")
	env.Lifecycle = lifecycle.New(env.Store, lifecycle.Options{Resolver: unpublished{}})
	s := newService(env)
	const domains = "/api/tenants/acme/domains"
	w := s.as("x", "POST", domains, `{"host":"Work.Acme.invalid"}`)
	if d := decoded[document.Domain](t, w); w.Code != http.StatusAccepted || d.Host != "work.acme.invalid" || d.VerifiedAt != nil || !strings.HasPrefix(d.Record, "_") || d.Value == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if list := decoded[document.List[document.Domain]](t, s.as("x", "GET", domains, "")); len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
	if tenant := decoded[document.Tenant](t, s.as("x", "GET", "/api/tenants/acme", "")); len(tenant.Domains) != 0 {
		t.Errorf("reached at %v", tenant.Domains)
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotFound} {
		if w := s.as("x", "DELETE", domains+"/work.acme.invalid", ""); w.Code != status {
			t.Errorf("%d %s, want %d", w.Code, w.Body, status)
		}
	}
}

func TestLifeRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	env.Tenant(t, "acme")
	env.Tenant(t, "globex")
	s := newService(env)
	for _, test := range []struct {
		name, request, body string
		status              int
		want                string
	}{
		{"", "PATCH /api/tenants/acme", `{}`, 422, `"field":"subdomain","message":"is required, or name, limits or settings"`},
		{"", "PATCH /api/tenants/acme", `{"subdomain":"www"}`, 422, `"field":"subdomain"`},
		{"", "PATCH /api/tenants/acme", `{"subdomain":"globex"}`, 409, "has this subdomain already"},
		{"", "PATCH /api/tenants/acme", `{"subdomain":"forge","redirect_days":-1}`, 422, `"field":"redirect_days"`},
		{"", "PATCH /api/tenants/acme", `{"subdomain":"forge","name":"x"}`, 422, `"field":"name","message":"can't be changed together`},
		{"", "PATCH /api/tenants/acme", `{"name":"two\nlines"}`, 422, `"field":"name"`},
		{"", "PATCH /api/tenants/acme", `{"name":""}`, 422, `"field":"name"`},
		{"", "PATCH /api/tenants/nobody", `{"name":"x"}`, 404, "no tenant"},
		{"", "PATCH /api/tenants/nobody", `{"limits":{"requests":5}}`, 404, "no tenant"},
		{"", "PATCH /api/tenants/acme", `{"limits":{"requests":5},"name":"x"}`, 422, `"field":"limits","message":"can't be changed together`},
		{"", "PATCH /api/tenants/acme", `{"limits":null}`, 422, `"field":"limits"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{}}`, 422, `"field":"limits","message":"must be an object`},
		{"", "PATCH /api/tenants/acme", `{"limits":"none"}`, 422, `"field":"limits","message":"must be an object`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"rows":5}}`, 422, `"field":"limits","message":"has a member that is not a limit`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"requests":0}}`, 422, `"field":"limits.requests","message":"must be a whole number`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"requests":-1}}`, 422, `"field":"limits.requests"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"requests":"100/m"}}`, 422, `"field":"limits.requests"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"concurrency":1.5}}`, 422, `"field":"limits.concurrency"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"concurrency":[1]}}`, 422, `"field":"limits.concurrency"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"size":99999999999999999999}}`, 422, `"field":"limits.size","message":"must be a size`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"size":"5 GB"}}`, 422, `"field":"limits.size"`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"statement_time":2}}`, 422, `"field":"limits.statement_time","message":"must be a duration`},
		{"", "PATCH /api/tenants/acme", `{"limits":{"body":true}}`, 422, `"field":"limits.body"`},
		{"", "PATCH /api/tenants/nobody", `{"subdomain":"forge"}`, 404, "no tenant"},
		{"", "POST /api/tenants/acme/maintenance", `{}`, 422, `"field":"on","message":"must be true or false"`},
		{"", "POST /api/tenants/acme/maintenance", `{"on":"yes"}`, 422, `"field":"on"`},
		{"", "POST /api/tenants/acme/maintenance", `{"on":false,"message":"x"}`, 422, `"field":"on"`},
		{"", "POST /api/tenants/acme/maintenance", `{"on":true,"message":"two\nlines"}`, 422, `"field":"message"`},
		{"", "POST /api/tenants/acme/maintenance", `{"on":true,"until":"soon"}`, 422, `"field":"until","message":"must be a time`},
		{"", "POST /api/tenants/acme/maintenance", `{"on":true,"until":"2020-01-01"}`, 422, `"field":"until","message":"must be in the future`},
		{"", "POST /api/tenants/nobody/maintenance", `{"on":true}`, 404, "no tenant"},
		{"", "DELETE /api/tenants/nobody", ``, 404, "no tenant"},
		{"", "DELETE /api/tenants/acme?purge=yes", ``, 422, `"field":"purge"`},
		{"", "DELETE /api/tenants/acme?purge=true", ``, 409, "is active and can't become purged"},
		{"", "DELETE /api/tenants/acme?purge=true&grace_days=-1", ``, 422, `"field":"grace_days"`},
		{"", "POST /api/tenants/nobody/restore", ``, 404, "no tenant"},
		{"", "POST /api/tenants", `{"subdomain":"forge","database_url":"sqlite:/nowhere.db"}`, 422, `"field":"database_url","message":"there is no file`},
		{"", "POST /api/tenants", `{"subdomain":"forge","database_url":"mysql://u:hunter2@h/d"}`, 422, `"field":"database_url"`},
		{"", "POST /api/tenants/acme/domains", `{}`, 422, `"field":"host"`},
		{"", "POST /api/tenants/acme/domains", `{"host":"127.0.0.1"}`, 422, `"field":"host"`},
		{"", "POST /api/tenants/nobody/domains", `{"host":"a.example"}`, 404, "no tenant"},
		{"", "GET /api/tenants/nobody/domains", ``, 404, "no tenant"},
		{"", "GET /api/operations?tenant=nobody", ``, 422, `"field":"tenant"`},
		{"", "GET /api/operations?unfinished=maybe", ``, 422, `"field":"unfinished"`},
		{"", "GET /api/operations?limit=0", ``, 422, `"field":"limit"`},
		{strings.Repeat("x", 101), "DELETE /api/tenants/acme", ``, 422, `"field":"Tenantry-Operator"`},
		{"a\x00b", "POST /api/tenants/acme/suspend", ``, 422, `"field":"Tenantry-Operator"`},
	} {
		method, path, _ := strings.Cut(test.request, " ")
		w := s.as(test.name, method, path, test.body)
		if w.Code != test.status || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s %.60s: %d %s, want %d %s", test.request, test.body, w.Code, w.Body, test.status, test.want)
		}
	}
	if tenant, err := env.Lifecycle.Get(t.Context(), "acme"); err != nil || tenant.State != tenants.StateActive || tenant.Epoch != 1 {
		t.Errorf("%+v, %v", tenant, err)
	}
}
