package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// faultCase is what a client of the operator API asks for, the point of the
// operation at which the fault begins, and how the tenant may be in the end: ""
// where there may be none.
type faultCase struct {
	asked
	point  string
	states []tenants.State
}

func in(what asked, point string, states ...tenants.State) faultCase {
	return faultCase{what, point, states}
}

func creation(subdomain string) asked {
	return asked{http.MethodPost, "", fmt.Sprintf(`{"subdomain":%q}`, subdomain)}
}

// fault is something that goes wrong in the middle, and is put right.
type fault struct {
	begin, end func()
	// statuses are those that the client may get.
	statuses []int
}

// TestPostgresStopsInTheMiddle stops the server, with the master and all tenants.
func TestPostgresStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	s := onPostgres(t, cluster.URL()).with("TENANTRY_INSTANCE_TTL=2s")
	s.must(t, "tenant", "create", "acme")
	s.create(t, "globex")
	down := fault{begin: cluster.Stop, end: cluster.Start, statuses: []int{http.StatusServiceUnavailable}}
	for _, c := range []faultCase{
		in(creation("nobody"), "create/begin/before", ""),
		in(creation("hooli"), "create/database/before", tenants.StateActive),
		in(creation("initech"), "create/database/done", tenants.StateActive),
		in(asked{http.MethodPost, "/acme/suspend", ""}, "suspend/drain/before", tenants.StateSuspended),
		in(asked{http.MethodPost, "/acme/resume", ""}, "resume/begin/before", tenants.StateSuspended),
		in(asked{http.MethodDelete, "/acme", ""}, "archive/drain/done", tenants.StateArchived),
		in(asked{http.MethodDelete, "/acme?purge=true", ""}, "purge/trash/before", tenants.StatePurged),
		in(asked{http.MethodPost, "/acme/restore", ""}, "restore/untrash/done", tenants.StateActive),
	} {
		t.Run(c.point, func(t *testing.T) { down.at(t, s, c) })
	}
}

// TestRightsLostInTheMiddle takes from the provisioner the right to create
// databases.
func TestRightsLostInTheMiddle(t *testing.T) {
	t.Parallel()
	server := pgcluster.New(t).URL()
	conn := connect(t, server)
	run := func(statement string) {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Error(err)
		}
	}
	secret := rand.Text()
	run("CREATE ROLE provisioner LOGIN CREATEDB CREATEROLE PASSWORD '" + secret + "'")
	run("CREATE DATABASE master OWNER provisioner")
	run("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC") // which the provisioner may not
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.User, u.Path = url.UserPassword("provisioner", secret), "/master"
	s := onPostgres(t, u.String())
	s.create(t, "globex")
	denied := fault{
		begin:    func() { run("ALTER ROLE provisioner NOCREATEDB") },
		end:      func() { run("ALTER ROLE provisioner CREATEDB") },
		statuses: []int{http.StatusServiceUnavailable},
	}
	denied.at(t, s, in(creation("hooli"), "create/database/before", ""))
}

// at has the fault begin at a point of an operation, and end when the client
// has its answer, which names no driver. What was begun is then finished or
// undone by the server itself, and nothing is wrong any more.
func (f fault) at(t *testing.T, s site, c faultCase) {
	t.Helper()
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.interrupt = func(passed string) {
		if passed == c.point {
			once.Do(func() { close(reached); <-goOn })
		}
	}
	srv := s.serve(t)
	answered := make(chan reply)
	go func() { answered <- srv.operate(t, c.method, "/api/tenants"+c.target, c.body) }()
	<-reached
	f.begin()
	close(goOn)
	r := <-answered
	if !slices.Contains(f.statuses, r.status) {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, text := range []string{"SQLSTATE", "socket", "sqlite", "no space", "permission", s.dir} {
		if strings.Contains(r.body, text) {
			t.Errorf("the client is told of %q: %s", text, r.body)
		}
	}
	f.end()
	srv.expect(t, "globex", http.StatusOK)
	s.expectInTheEnd(t, c)
	srv.stop(t)
}

// expectInTheEnd expects that what was asked for is finished or undone, by a
// server that runs, and that the doctor finds nothing then.
func (s site) expectInTheEnd(t *testing.T, c faultCase) {
	t.Helper()
	a := s.open(t)
	wait.Until(t, "the operation to be over", func() bool {
		left, _, err := a.Manager().Operations(t.Context(), lifecycle.OperationFilter{Unfinished: true}, "", 10)
		return err == nil && len(left) == 0
	})
	name, _, _ := strings.Cut(strings.TrimLeft(c.target, "/"), "/")
	name, _, _ = strings.Cut(name, "?")
	if c.target == "" {
		name = strings.Split(c.body, `"`)[3]
	}
	var state tenants.State
	got, err := a.Manager().Get(t.Context(), name)
	switch {
	case err == nil:
		state = got.State
	case !errors.Is(err, tenants.ErrUnknownTenant):
		t.Error(err)
	}
	if !slices.Contains(c.states, state) {
		t.Errorf("%s is %q, want one of %q", name, state, c.states)
	}
	if r := s.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
}
