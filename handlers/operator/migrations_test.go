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
