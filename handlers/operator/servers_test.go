package operator_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestServers adds, changes, drains and removes a server.
func TestServers(t *testing.T) {
	t.Parallel()
	env := tenantstest.New(t, tenantstest.Options{Schema: models.Workspace()})
	s := newService(env)
	send := func(method, path, body string, status int) string {
		t.Helper()
		r := s.send(method, "/api/servers"+path, body, "Bearer "+token)
		if r.Code != status || strings.Contains(r.Body.String(), "hunter2") {
			t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, r.Code, r.Body, status)
		}
		return r.Body.String()
	}
	var added document.Server
	text := send(http.MethodPost, "", `{"name":"north","url":"postgres://ada:hunter2@north.example/ada","capacity":3,"labels":{"region":"eu"},"placement":"schema","pooler":"postgres://pooler/ada"}`, http.StatusCreated)
	if err := json.Unmarshal([]byte(text), &added); err != nil || added.Capacity != 3 || added.Labels["region"] != "eu" || added.State != "active" || added.Placement != tenants.PlacementSchema || added.Pooler != "postgres://pooler/ada" {
		t.Errorf("%s, %v", text, err)
	}
	for _, body := range []string{
		`{}`, `{"name":"North","url":"x"}`, `{"name":"north2","capacity":-1}`, `{"name":"north2","labels":{"A":"b"}}`, `{"name":"north2","labels":["a"]}`,
		`{"name":"north2","placement":"table"}`, `{"name":"north2","placement":"database","pooler":"pooler/ada"}`,
		`{"name":"north2","label":{}}`, `{"name":"refused","url":"postgres://ada:hunter2@nowhere/ada"}`,
	} {
		send(http.MethodPost, "", body, http.StatusUnprocessableEntity)
	}
	send(http.MethodPost, "", `{"name":"north","url":"postgres://north.example/ada"}`, http.StatusConflict)
	if got := send(http.MethodPatch, "/north", `{"capacity":0,"labels":{}}`, http.StatusOK); !strings.Contains(got, `"capacity":0`) || !strings.Contains(got, `"labels":{}`) {
		t.Errorf("changed: %s", got)
	}
	if got := send(http.MethodPatch, "/north", `{"pooler":"postgres://other/ada"}`, http.StatusOK); !strings.Contains(got, `"pooler":"postgres://other/ada"`) {
		t.Errorf("another pooler: %s", got)
	}
	send(http.MethodPatch, "/default", `{"pooler":"postgres://other/ada"}`, http.StatusUnprocessableEntity)
	if got := send(http.MethodPatch, "/north", `{"capacity":9,"pooler":"nowhere/ada"}`, http.StatusUnprocessableEntity); !strings.Contains(got, `"field":"pooler"`) {
		t.Errorf("a pooler that can't be used: %s", got)
	}
	if got := send(http.MethodGet, "/north", "", http.StatusOK); !strings.Contains(got, `"pooler":"postgres://other/ada"`) || strings.Contains(got, `"capacity":9`) {
		t.Errorf("after what was refused: %s", got)
	}
	if w := s.send(http.MethodPatch, "/api/servers/north", `{"pooler":""}`, s.account(t, "ada@example.com", "operator")); w.Code != http.StatusForbidden {
		t.Errorf("an operator who is no owner: %d %s", w.Code, w.Body)
	}
	if got := send(http.MethodPatch, "/north", `{"pooler":""}`, http.StatusOK); !strings.Contains(got, `"pooler":""`) {
		t.Errorf("without a pooler: %s", got)
	}
	send(http.MethodPatch, "/north", `{"capacity":-1}`, http.StatusUnprocessableEntity)
	send(http.MethodPatch, "/north", `{"url":"x"}`, http.StatusUnprocessableEntity)
	send(http.MethodPatch, "/south", `{"capacity":1}`, http.StatusNotFound)
	if got := send(http.MethodPost, "/north/drain", "", http.StatusOK); !strings.Contains(got, `"draining"`) {
		t.Errorf("drained: %s", got)
	}
	if got := send(http.MethodPost, "/north/undrain", "", http.StatusOK); !strings.Contains(got, `"active"`) {
		t.Errorf("undrained: %s", got)
	}
	if got := send(http.MethodGet, "", "", http.StatusOK); strings.Count(got, `"name"`) != 2 {
		t.Errorf("list: %s", got)
	}
	send(http.MethodDelete, "/default", "", http.StatusConflict)
	send(http.MethodDelete, "/north", "", http.StatusNoContent)
	send(http.MethodGet, "/north", "", http.StatusNotFound)
	send(http.MethodPost, "/north/drain", "", http.StatusNotFound)
}
