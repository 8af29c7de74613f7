package command

import (
	"net"
	"strings"
	"testing"

	"tenantry/tenants/document"
)

// port returns the port of the public listener.
func (srv *server) port() string {
	_, port, _ := net.SplitHostPort(srv.public)
	return port
}

// TestLinksLeadToWhereTenantsAreServed: to the listener of the process that serves, whose port the system chose, in commands
// and in the operator's API; to that of the settings when none serves.
func TestLinksLeadToWhereTenantsAreServed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		srv := s.spawn(t)
		served := ".localhost:" + srv.port()
		created := only[document.Created](t, s.must(t, "tenant", "create", "acme", "--admin-email="+admin("acme"), "--json"))
		if !strings.HasPrefix(created.Invitation.URL, "http://acme"+served+"/invitation?") {
			t.Errorf("the invitation leads to %s", created.Invitation.URL)
		}
		for _, command := range [][]string{{"create", "globex"}, {"show", "globex"}, {"admin", "globex", "--admin-email=" + admin("globex")}} {
			if got := s.must(t, append([]string{"tenant"}, command...)...); !strings.Contains(got, "http://globex"+served) {
				t.Errorf("%q: %s", command, got)
			}
		}
		api := srv.operate(t, "POST", "/api/tenants", `{"subdomain":"hooli","name":"Hooli","admin_email":"gavin@hooli.example"}`)
		if !strings.Contains(api.body, "http://hooli"+served+"/invitation?") {
			t.Errorf("the operator's API: %d %s", api.status, api.body)
		}
		if status := srv.stop(t); status != exitDone {
			t.Errorf("status %d", status)
		}
		if got := s.must(t, "tenant", "show", "acme"); !strings.Contains(got, "http://acme.localhost:8080") {
			t.Errorf("when none serves: %s", got)
		}
	})
}
