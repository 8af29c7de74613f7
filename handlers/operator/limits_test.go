package operator_test

import (
	"net/http"
	"testing"
	"time"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/tenantstest"
)

// TestLimits changes limits with strings, numbers and null, and reads those in force.
func TestLimits(t *testing.T) {
	t.Parallel()
	defaults := tenants.Limits{Size: 5000, StatementTime: 1500 * time.Millisecond}
	tenantstest.Each(t, tenantstest.Options{Schema: models.Workspace(), Limits: defaults}, func(t *testing.T, env *tenantstest.Env) {
		s := newService(env)
		env.Tenant(t, "acme")
		for _, step := range []struct {
			limits string
			want   map[tenants.Limit]string // with + for those that are the tenant's own
		}{
			{`{"requests":"100/s","concurrency":16,"size":"none","body":100000,"weight":3}`, map[tenants.Limit]string{
				"requests": "100/s+", "concurrency": "16+", "size": "none+", "files": "none", "statement_time": "1.5s", "body": "100kB+", "weight": "3+",
			}},
			{`{"requests":null,"size":"default","statement_time":"200ms","body":"none","weight":null}`, map[tenants.Limit]string{
				"requests": "none", "concurrency": "16+", "size": "5kB", "files": "none", "statement_time": "200ms+", "body": "none+", "weight": "1",
			}},
		} {
			changed := s.as("Ada", "PATCH", "/api/tenants/acme", `{"limits":`+step.limits+`}`)
			if read := s.as("Ada", "GET", "/api/tenants/acme", ""); changed.Code != http.StatusOK || changed.Body.String() != read.Body.String() {
				t.Errorf("%s: %d %s, then %s", step.limits, changed.Code, changed.Body, read.Body)
			}
			for limit, shown := range decoded[document.Limited](t, changed).Limits {
				got := shown.Text
				if shown.Own {
					got += "+"
				}
				if got != step.want[limit] {
					t.Errorf("%s: %s is %s, want %s", step.limits, limit, got, step.want[limit])
				}
			}
		}
		if got := decoded[document.Limited](t, s.as("Ada", "GET", "/api/tenants/acme", "")).Limits[tenants.LimitStatementTime].Value; got == nil || *got != 0.2 {
			t.Errorf("the time of a statement is %v seconds", got)
		}
	})
}
