package command

import (
	"net/http"
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// TestMetrics: requests are counted by route and by tenant, for clients with the token.
func TestMetrics(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		srv := s.serve(t)
		for range 3 {
			srv.get(t, "acme", "/api/projects")
		}
		srv.get(t, "nobody", "/api/projects")
		ask := func(lines string) reply {
			return send(t, srv.operator,
				"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"+lines+"Connection: close\r\n\r\n")
		}
		if r := ask(""); r.status != http.StatusUnauthorized {
			t.Errorf("without the token: %d", r.status)
		}
		var r reply
		wait.Until(t, "a count of every request, which follows its reply", func() bool {
			r = ask(srv.token(t))
			return strings.Contains(r.body, `tenantry_requests_total{class="2xx"} 4`) && strings.Contains(r.body, `tenantry_requests_total{class="4xx"} 2`)
		})
		if r.status != http.StatusOK || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%d %v", r.status, r.header)
		}
		wants := []string{
			`tenantry_requests_total{class="2xx"} 4`, `tenantry_requests_total{class="4xx"} 2`, // bearer signs in
			`tenantry_request_duration_seconds_count{method="GET",route="/api/projects"} 4`, "tenantry_handles_open 1", "tenantry_handles_limit",
			`tenantry_request_duration_seconds_count{method="POST",route="/api/session"} `, `tenantry_tenant_requests_total{tenant="acme"}`,
			`tenantry_tenant_requests_total{tenant="other"} 0`, `tenantry_tenant_failures_total{tenant="acme"} 0`,
			`tenantry_alert{kind="server_down"} 0`, `tenantry_alert{kind="operation_stuck"} 0`, `tenantry_scopes_total{outcome="read"}`, `tenantry_limit_refusals_total{limit="requests"} 0`, "tenantry_scope_wait_seconds_count", "tenantry_handle_open_seconds_count 1",
			"tenantry_handle_waits_total 0", "tenantry_jobs_running 0", "tenantry_jobs_oldest_due_seconds 0",
			"tenantry_handles_opened_total 1", "go_goroutines",
		}
		if s.onServer() {
			wants = append(wants, `tenantry_connections_limit{server="default"}`, `tenantry_connections_used{class="people",server="default"} `,
				`tenantry_connections_waiting{class="chores",server="default"} 0`, `tenantry_connections_waiting{class="jobs",server="default"} 0`, `tenantry_connection_wait_seconds_count{class="people",server="default"} 0`)
		}
		for _, want := range wants {
			if !strings.Contains(r.body, want) {
				t.Errorf("the metrics lack %q:\n%s", want, r.body)
			}
		}
		if strings.Contains(r.body, "nobody") {
			t.Error("the metrics name a host that is no tenant's")
		}
	})
}
