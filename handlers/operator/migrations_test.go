package operator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest"
)

// TestMigrationRuns begins a run, and follows it until it has ended.
func TestMigrationRuns(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	s := newService(env)
	send := func(method, path, body string, status int) string {
		t.Helper()
		r := s.send(method, path, body, "Bearer "+token)
		if r.Code != status {
			t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, r.Code, r.Body, status)
		}
		return r.Body.String()
	}
	env.Tenant(t, "acme")
	env.Tenant(t, "globex")
	if got := send(http.MethodPost, "/api/migrations", "{}", http.StatusOK); !strings.Contains(got, `"state":"done"`) {
		t.Errorf("nothing to do: %s", got)
	}
	send(http.MethodPost, "/api/migrations", `{"action":"resume"}`, http.StatusConflict)
	err := env.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("1 = 1").Update("schema_version", 1).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"action":"go"}`, `{"waves":["0"]}`, `{"waves":"1"}`, `{"waves":[1]}`, `{"first":-1}`, `{"pause_seconds":-1}`, `{"max_failures":-1}`,
		`{"parallel":65}`, `{"canaries":["nobody"]}`, `{"tenants":["nobody"]}`, `{"wave":["1"]}`,
		`{"max_slowdown":0.5}`, `{"max_errors":101}`, `{"min_requests":-1}`, `{"no_gate":1}`,
	} {
		send(http.MethodPost, "/api/migrations", body, http.StatusUnprocessableEntity)
	}
	var run fleet.Run
	began := send(http.MethodPost, "/api/migrations", `{"canaries":["acme"],"waves":["100%"],"max_failures":0}`, http.StatusAccepted)
	if err := json.Unmarshal([]byte(began), &run); err != nil || run.ID == "" || run.Total != 2 {
		t.Fatalf("%s, %v", began, err)
	}
	s.fleet.Wait()
	var runs document.List[fleet.Run]
	if err := json.Unmarshal([]byte(send(http.MethodGet, "/api/migrations?limit=1", "", http.StatusOK)), &runs); err != nil ||
		len(runs.Items) != 1 || runs.Items[0].ID != run.ID || runs.Items[0].State != tenants.RunDone || runs.Items[0].Migrated != 2 {
		t.Errorf("%+v, %v", runs, err)
	}
	var page document.List[fleet.RunTenant]
	if err := json.Unmarshal([]byte(send(http.MethodGet, "/api/migrations/"+run.ID+"/tenants?limit=1", "", http.StatusOK)), &page); err != nil ||
		len(page.Items) != 1 || page.Items[0].Subdomain != "acme" || page.Next == nil {
		t.Errorf("%+v, %v", page, err)
	}
	if got := send(http.MethodGet, "/api/migrations/"+run.ID+"/tenants?state=failed", "", http.StatusOK); got != `{"items":[],"next":null}` {
		t.Errorf("failed: %s", got)
	}
	send(http.MethodGet, "/api/migrations/"+run.ID+"/tenants?state=odd", "", http.StatusUnprocessableEntity)
	send(http.MethodGet, "/api/migrations/nothing/tenants", "", http.StatusNotFound)
	send(http.MethodPost, "/api/migrations", `{"action":"stop"}`, http.StatusConflict)
	send(http.MethodPost, "/api/migrations", `{"action":"abandon"}`, http.StatusConflict)
}

// TestMigrationPlan shows what a run would do, with its waves, and begins a run with copies, which is taken back and
// accepted.
func TestMigrationPlan(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	s := newService(env)
	send := func(method, path, body string, status int, into any) {
		t.Helper()
		r := s.send(method, path, body, "Bearer "+token)
		if r.Code != status {
			t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, r.Code, r.Body, status)
		}
		if err := json.Unmarshal(r.Body.Bytes(), into); err != nil {
			t.Fatal(err)
		}
	}
	var answer any
	var outline fleet.Outline
	send(http.MethodGet, "/api/migrations/plan", "", http.StatusOK, &outline)
	if outline.Tenants != 0 || outline.Forecasts == nil || outline.Waves == nil {
		t.Errorf("nothing to do: %+v", outline)
	}
	latest := env.Engine.SchemaVersion()
	previous, err := migrate.Previous(models.Workspace().Migrations["sqlite"], latest)
	if err != nil {
		t.Fatal(err)
	}
	for _, subdomain := range []string{"acme", "globex", "initech"} {
		env.Tenant(t, subdomain)
		if _, err := env.Lifecycle.MigrateDown(t.Context(), "ada", subdomain, previous); err != nil {
			t.Fatal(err)
		}
	}
	send(http.MethodGet, "/api/migrations/plan?canaries=acme&waves=50%25,100%25", "", http.StatusOK, &outline)
	if outline.Tenants != 3 || len(outline.Waves) != 3 || len(outline.Forecasts) != 1 || outline.Forecasts[0].To != latest || outline.Seconds == 0 {
		t.Errorf("the plan is %+v", outline)
	}
	for _, query := range []string{"waves=0", "waves=", "canaries=nobody", "tenants=acme,nobody"} {
		send(http.MethodGet, "/api/migrations/plan?"+query, "", http.StatusUnprocessableEntity, &answer)
	}
	send(http.MethodGet, "/api/migrations/plan?wave=1", "", http.StatusBadRequest, &answer)
	for _, action := range []string{"accept", "revert"} {
		send(http.MethodPost, "/api/migrations", `{"action":"`+action+`"}`, http.StatusConflict, &answer)
	}

	var run fleet.Run
	send(http.MethodPost, "/api/migrations", `{"keep_copies":true}`, http.StatusAccepted, &run)
	s.fleet.Wait()
	if run, err := s.fleet.Run(t.Context(), run.ID); err != nil || run.Copies != 3 {
		t.Fatalf("%+v, %v", run, err)
	}
	var back fleet.Reversion
	send(http.MethodPost, "/api/migrations", `{"action":"revert","run":"`+run.ID+`","tenant":"acme"}`, http.StatusAccepted, &back)
	s.fleet.Wait()
	if acme, err := env.Lifecycle.Get(t.Context(), "acme"); err != nil || acme.SchemaVersion != previous || len(back.Tenants) != 1 || back.Tenants[0].Subdomain != "acme" {
		t.Errorf("%+v, %+v, %v", back, acme, err)
	}
	send(http.MethodPost, "/api/migrations", `{"action":"revert","tenant":"nobody"}`, http.StatusNotFound, &answer)
	send(http.MethodPost, "/api/migrations", `{"action":"accept"}`, http.StatusOK, &run)
	if run.AcceptedAt == nil || run.Copies != 0 {
		t.Errorf("accepted: %+v", run)
	}
}
