package command

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// rounds is how often two operators meet.
const rounds = 12

// asked is an operator's request.
type asked struct{ method, target, body string }

// atOnce asks two servers at the same time, and returns their answers.
func atOnce(t *testing.T, servers []*server, asked [2]asked) (answers [2]reply) {
	t.Helper()
	var running sync.WaitGroup
	for i, r := range asked {
		running.Go(func() { answers[i] = servers[i].operate(t, r.method, "/api/tenants"+r.target, r.body) })
	}
	running.Wait()
	for i, r := range answers {
		for _, driver := range []string{"SQLSTATE", "sqlite", "pgx", "UNIQUE", "constraint"} {
			if strings.Contains(shape(r.body), driver) { // ids are random, and may spell anything
				t.Errorf("%s %s is told of %s: %s", asked[i].method, asked[i].target, driver, r.body)
			}
		}
	}
	return answers
}

// TestTwoCreationsAtOnce has two operators create one subdomain through two
// servers: one gets it, the other is told so, and there is one database.
func TestTwoCreationsAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		servers := []*server{s.serve(t), s.spawn(t)}
		for i := range rounds {
			create := asked{http.MethodPost, "", fmt.Sprintf(`{"subdomain":"t%d"}`, i)}
			answers := atOnce(t, servers, [2]asked{create, create})
			got := []int{answers[0].status, answers[1].status}
			slices.Sort(got)
			if !slices.Equal(got, []int{http.StatusCreated, http.StatusConflict}) {
				t.Errorf("%d %s and %d %s", answers[0].status, answers[0].body, answers[1].status, answers[1].body)
			}
		}
		s.expectWell(t, rounds)
	})
}

// expectWell expects so many tenants, no operation that isn't over, and that
// the doctor finds nothing: no database without a tenant.
func (s site) expectWell(t *testing.T, count int) {
	t.Helper()
	a := s.open(t)
	page, _, err := a.Manager().List(t.Context(), "", 1000)
	if err != nil || len(page) != count {
		t.Errorf("%d tenants, want %d, %v", len(page), count, err)
	}
	left, _, err := a.Manager().Operations(t.Context(), lifecycle.OperationFilter{Unfinished: true}, "", 10)
	if err != nil || len(left) > 0 {
		t.Errorf("unfinished: %+v, %v", left, err)
	}
	if r := s.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
}

// TestOperatorsAgainstEachOther has two operators do opposite things to one
// tenant at once, through two servers.
func TestOperatorsAgainstEachOther(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.must(t, "tenant", "create", "acme")
		servers := []*server{s.serve(t), s.spawn(t)}
		name := "acme"
		for i := range rounds {
			expectOneDone(t, servers, [2]asked{
				{http.MethodPost, "/" + name + "/suspend", ""}, {http.MethodPost, "/" + name + "/resume", ""},
			})
			s.expectState(t, name, tenants.StateActive, tenants.StateSuspended)
			s.must(t, "tenant", "resume", name)
			fresh := fmt.Sprintf("t%d", i)
			answers := expectOneDone(t, servers, [2]asked{
				{http.MethodDelete, "/" + name, ""}, {http.MethodPatch, "/" + name, fmt.Sprintf(`{"subdomain":%q}`, fresh)},
			})
			if answers[1].status == http.StatusOK {
				name = fresh
			}
			s.expectState(t, name, tenants.StateActive, tenants.StateArchived)
			s.must(t, "tenant", "restore", name)
		}
		s.expectWell(t, 1)
	})
}

func (s site) expectState(t *testing.T, name string, states ...tenants.State) {
	t.Helper()
	if got := s.tenant(t, name); !slices.Contains(states, got.State) {
		t.Errorf("%s is %s", name, got.State)
	}
}

// expectOneDone asks two things of one tenant at once. Each is done or refused,
// and one at least is done.
func expectOneDone(t *testing.T, servers []*server, asked [2]asked) [2]reply {
	t.Helper()
	answers := atOnce(t, servers, asked)
	done := 0
	for i, r := range answers {
		switch r.status {
		case http.StatusOK:
			done++
		case http.StatusConflict, http.StatusNotFound: // the other was faster
		default:
			t.Errorf("%+v: %d %s", asked[i], r.status, r.body)
		}
	}
	if done == 0 {
		t.Errorf("%+v: %d %s and %d %s", asked, answers[0].status, answers[0].body, answers[1].status, answers[1].body)
	}
	return answers
}
