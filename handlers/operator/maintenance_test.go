package operator_test

import (
	"errors"
	"testing"
	"time"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestMaintenance closes a tenant and serves it again.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		env.Tenant(t, "acme")
		const path = "/api/tenants/acme/maintenance"
		w := s.as("Ada", "POST", path, `{"on":true,"message":"Back soon.","until":"2h"}`)
		got := decoded[document.Tenant](t, w)
		if m := got.Maintenance; w.Code != 200 || got.State != tenants.StateActive || m == nil || m.Message != "Back soon." || m.Until == nil ||
			time.Until(*m.Until) < time.Hour || time.Since(m.Since) > time.Minute {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		_, err := env.Store.Lookup(t.Context(), "acme")
		var closed *tenants.MaintenanceError
		if !errors.As(err, &closed) || closed.Message != "Back soon." || !closed.Until.Equal(*got.Maintenance.Until) {
			t.Errorf("look-up: %v", err)
		}
		w = s.as("Ada", "POST", path, `{"on":true}`)
		again := decoded[document.Tenant](t, w).Maintenance
		if w.Code != 200 || again == nil || again.Message != "" || again.Until != nil || !again.Since.Equal(got.Maintenance.Since) {
			t.Errorf("changed: %d %s", w.Code, w.Body)
		}
		if w := s.as("Ada", "POST", path, `{"on":false}`); w.Code != 200 || decoded[document.Tenant](t, w).Maintenance != nil {
			t.Errorf("ended: %d %s", w.Code, w.Body)
		}
		if _, err := env.Store.Lookup(t.Context(), "acme"); err != nil {
			t.Errorf("not served again: %v", err)
		}
	})
}
