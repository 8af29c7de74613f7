package operator_test

import (
	"net/http"
	"strings"
	"testing"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestSettings changes settings, and reads those in force.
func TestSettings(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace(), Settings: models.TenantSettings()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		env.Tenant(t, "acme")
		env.Tenant(t, "globex")
		for _, bad := range []struct{ settings, fields string }{
			{`{"time_zone":"Mars/Olympus","language":"tlh","plan":5,"size":1}`, "settings.plan settings.size"},
			{`{"time_zone":"Mars/Olympus","language":"tlh"}`, "settings.language settings.time_zone"},
			{`{"time_zone":"Local"}`, "settings.time_zone"}, {`{}`, "settings"}, {`[]`, "settings"}, {`{"plan":"free"},"name":"x"`, "settings"},
		} {
			r := s.as("Ada", "PATCH", "/api/tenants/acme", `{"settings":`+bad.settings+`}`)
			var fields []string
			for _, fault := range decoded[struct{ Errors []struct{ Field string } }](t, r).Errors {
				fields = append(fields, fault.Field)
			}
			if r.Code != http.StatusUnprocessableEntity || strings.Join(fields, " ") != bad.fields {
				t.Errorf("%s: %d %s", bad.settings, r.Code, r.Body)
			}
		}
		changed := s.as("Ada", "PATCH", "/api/tenants/acme", `{"settings":{"plan":"free","time_zone":"Europe/Berlin","colour":null}}`)
		read := s.as("Ada", "GET", "/api/tenants/acme", "")
		got := decoded[document.Configured](t, changed)
		if changed.Code != http.StatusOK || changed.Body.String() != read.Body.String() || string(got.Settings["time_zone"].Value) != `"Europe/Berlin"` ||
			!got.Settings["plan"].Own || got.Settings["colour"].Own || got.Limits[tenants.LimitRequests].Text != "20/s" || got.Limits[tenants.LimitRequests].Own ||
			got.Limits[tenants.LimitRequests].From != tenants.LimitOfSettings || got.Limits[tenants.LimitRequests].Name != "plan=free" || got.Limits[tenants.LimitBody].From != tenants.LimitOfProgram {
			t.Errorf("%d %s, then %s", changed.Code, changed.Body, read.Body)
		}
		for query, want := range map[string]string{"where=plan=free": "acme", "where=plan=business,language=en": "globex", "where=plan=": "globex"} {
			if found := decoded[document.List[document.Tenant]](t, s.as("Ada", "GET", "/api/tenants?"+query, "")).Items; len(found) != 1 || found[0].Subdomain != want {
				t.Errorf("%s: %+v", query, found)
			}
		}
		for _, query := range []string{"where=plan", "where=plan=gold", "where=x=y"} {
			if r := s.as("Ada", "GET", "/api/tenants?"+query, ""); r.Code != http.StatusUnprocessableEntity || !strings.Contains(r.Body.String(), `"where"`) {
				t.Errorf("%s: %d %s", query, r.Code, r.Body)
			}
		}
	})
}
