package operator_test

import (
	"strings"
	"testing"
	"time"

	"tenantry/models"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

// TestTop lists what tenants do, in a list like the others.
func TestTop(t *testing.T) {
	t.Parallel()
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace()}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		if w := s.as("x", "GET", "/api/top", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"items":[],"next":null`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		at := time.Now()
		recorder := traffic.New(traffic.DefaultTenants, func() time.Time { return at })
		for i, name := range []string{"acme", "globex"} {
			id := env.Tenant(t, name).ID
			for range 6 * (1 + i) {
				recorder.Record(traffic.Request{TenantID: id, Failed: i == 0, Took: time.Second})
			}
		}
		at = at.Add(traffic.TellTime)
		if err := traffic.NewArchive(recorder, env.Store.Master()).WriteLoad(t.Context(), env.Store); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]string{"": "globex", "?sort=failures&limit=1": "acme"} {
			now := decoded[traffic.Standing](t, s.as("x", "GET", "/api/top"+query, ""))
			if len(now.Tenants) == 0 || now.Tenants[0].Subdomain != want || now.Total.Requests != 3 {
				t.Errorf("%q: %+v", query, now)
			}
		}
	})
}
