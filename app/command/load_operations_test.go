package command

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tenantry/tenants"
)

// subject is a tenant under load. Its standing and hosts belong to the one
// goroutine that operates on it.
type subject struct {
	standing
	first  string // subdomain
	hosts  []string
	header atomic.Pointer[string] // with the admin's token, once there is one
}

func newSubject(first string) *subject {
	return &subject{first: first, standing: standing{subdomain: first}}
}

// move is an operation on a tenant, in words and for the chart.
type move struct {
	name   string
	to     standing
	drains bool
	// command and api are two ways to ask for it.
	command        string
	method, target string
	body           string
	// from is where the tenant stood before.
	from standing
}

// between is what a host may answer beside what is right before and after.
func (m move) between(host string) []answer {
	switch {
	case m.name == "rename" && host == m.to.subdomain, m.name == "bring back" && host == m.to.subdomain:
		return []answer{answerMaintenance}
	case m.name == "rename" && host == m.from.subdomain:
		return []answer{answerUnknown, answerMaintenance} // the second to who was looked up before
	}
	return nil
}

// pickMove picks the next operation on a tenant; fresh is a subdomain that no tenant
// had. It returns false when the tenant is purged.
func pickMove(s *subject, random *rand.Rand, fresh string) (m move, ok bool) {
	choices := map[tenants.State][]func(*subject, string) move{
		"":                     {createMove},
		tenants.StateActive:    {suspendMove, suspendMove, renameMove, redirectMove, archiveMove},
		tenants.StateSuspended: {resumeMove, resumeMove, renameMove, archiveMove},
		tenants.StateArchived:  {unarchiveMove, unarchiveMove, purgeMove},
		tenants.StatePurged:    {bringBackMove, bringBackMove, nil},
	}[s.state]
	choice := choices[random.IntN(len(choices))]
	if choice == nil {
		return move{}, false
	}
	m = choice(s, fresh)
	m.from = s.standing
	return m, true
}

// to is the standing with another state.
func (s standing) to(state tenants.State) standing { s.state = state; return s }

func createMove(s *subject, _ string) move {
	return move{
		name: "create", to: standing{state: tenants.StateActive, subdomain: s.first}, command: "tenant create " + s.first,
		method: http.MethodPost, body: fmt.Sprintf(`{"subdomain":%q}`, s.first),
	}
}

func suspendMove(s *subject, _ string) move {
	return move{
		name: "suspend", to: s.to(tenants.StateSuspended), drains: true, command: "tenant suspend " + s.subdomain,
		method: http.MethodPost, target: "/" + s.subdomain + "/suspend",
	}
}

func resumeMove(s *subject, _ string) move {
	return move{
		name: "resume", to: s.to(tenants.StateActive), command: "tenant resume " + s.subdomain,
		method: http.MethodPost, target: "/" + s.subdomain + "/resume",
	}
}

func renameMove(s *subject, fresh string) move {
	return move{
		name: "rename", to: standing{s.state, fresh, s.redirects}, drains: true,
		command: fmt.Sprintf("tenant rename %s %s", s.subdomain, fresh),
		method:  http.MethodPatch, target: "/" + s.subdomain, body: fmt.Sprintf(`{"subdomain":%q}`, fresh),
	}
}

// redirectMove renames, and has requests for the old subdomain sent on.
func redirectMove(s *subject, fresh string) move {
	m := renameMove(s, fresh)
	m.to.redirects = append(slices.Clone(s.redirects), s.subdomain)
	m.command += " --redirect-days=3"
	m.body = fmt.Sprintf(`{"subdomain":%q,"redirect_days":3}`, fresh)
	return m
}

func archiveMove(s *subject, _ string) move {
	return move{
		name: "archive", to: s.to(tenants.StateArchived), drains: true, command: "tenant archive --yes " + s.subdomain,
		method: http.MethodDelete, target: "/" + s.subdomain,
	}
}

func unarchiveMove(s *subject, _ string) move {
	return move{
		name: "unarchive", to: s.to(tenants.StateActive), command: "tenant restore " + s.subdomain,
		method: http.MethodPost, target: "/" + s.subdomain + "/restore",
	}
}

func purgeMove(s *subject, _ string) move {
	return move{
		name: "purge", to: s.to(tenants.StatePurged), drains: true, command: "tenant purge --yes " + s.subdomain,
		method: http.MethodDelete, target: "/" + s.subdomain + "?purge=true",
	}
}

// bringBackMove restores a purged tenant.
func bringBackMove(s *subject, _ string) move {
	m := unarchiveMove(s, "")
	m.name = "bring back"
	return m
}

// do does the move in one of three ways: by a command, or through the operator
// API of one of the servers.
func (m move) do(t *testing.T, s site, servers []*server, random *rand.Rand) error {
	way := random.IntN(len(servers) + 1)
	if way == len(servers) {
		if r := s.run(t, strings.Fields(m.command)...); r.status != exitDone {
			return fmt.Errorf("%s: status %d, %s", m.command, r.status, r.stderr)
		}
		return nil
	}
	r := servers[way].operate(t, m.method, "/api/tenants"+m.target, m.body)
	if r.status != http.StatusOK && r.status != http.StatusCreated {
		return fmt.Errorf("%s %s %s: %d %s", m.method, m.target, m.body, r.status, r.body)
	}
	return nil
}

// operate asks the operator's listener, as the operator.
func (srv *server) operate(t *testing.T, method, target, body string) reply {
	t.Helper()
	lines := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s", method, target, srv.token(t))
	if body != "" {
		lines += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	return send(t, srv.operator, lines+"\r\n"+body)
}
