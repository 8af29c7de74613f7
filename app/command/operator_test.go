package command

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tenantry/tenants/document"
)

// TestOperatorCommands work beside a server: a token counts at once, and no more once it is revoked.
func TestOperatorCommands(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		srv := s.serve(t)
		made := func(args ...string) (d document.Operator) {
			if err := json.Unmarshal([]byte(s.must(t, append(args, "--json")...)), &d); err != nil {
				t.Fatal(err)
			}
			return d
		}
		status := func(method, path, token string) int {
			return send(t, srv.operator, method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+token+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").status
		}
		ada := made("operator", "add", "ada", "--role=viewer")
		for request, want := range map[string]int{
			"GET /api/tenants": 200, "GET /metrics": 200, "GET /debug/pprof/": 403, "POST /api/tenants/nope/suspend": 403, "GET /api/operators": 403, "GET /nope": 404,
		} {
			method, path, _ := strings.Cut(request, " ")
			if got := status(method, path, ada.Token); got != want {
				t.Errorf("%s as a viewer: %d, want %d", request, got, want)
			}
		}
		s.must(t, "operator", "role", "ada", "owner")
		if got := status("GET", "/api/operators", ada.Token); got != http.StatusOK {
			t.Errorf("as an owner: %d", got)
		}
		second := made("operator", "token", "ada")
		s.must(t, "operator", "token", "ada", "--revoke="+second.Tokens[0].ID)
		if first, other := status("GET", "/api/tenants", ada.Token), status("GET", "/api/tenants", second.Token); first != http.StatusUnauthorized || other != http.StatusOK {
			t.Errorf("the revoked token %d, the other %d", first, other)
		}
		if listed := s.must(t, "operator", "list"); strings.Contains(listed, "tnto_") || strings.Count(listed, "\n") != 2 {
			t.Errorf("list: %s", listed)
		}
		s.must(t, "operator", "remove", "ada")
		if story := s.must(t, "operations", "--kind=operator-remove"); !strings.Contains(story, "operator ada") || strings.Count(story, "\n") != 2 {
			t.Errorf("the ledger: %s", story)
		}
		if got := status("GET", "/api/tenants", second.Token); got != http.StatusUnauthorized {
			t.Errorf("of a removed operator: %d", got)
		}
		for args, want := range map[string]int{
			"add Ada --role=viewer": exitUsage, "add ada --role=root": exitUsage, "add ada": exitUsage, "remove ada": exitFailed, "role ada owner": exitFailed, "token ada": exitFailed,
		} {
			if r := s.run(t, append([]string{"operator"}, strings.Fields(args)...)...); r.status != want {
				t.Errorf("%s: %d %s", args, r.status, r.stderr)
			}
		}
		if strings.Contains(srv.log.String(), "tnto_") {
			t.Error("the log has a token")
		}
	})
}
