package app

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest/pgcluster"
)

// TestPostgresStopsInTheMiddle stops the server, with the master and all
// tenants, at points of operations that a client of the operator API has asked
// for. The client is told that nothing can be reached, and once the server is
// back what was begun is finished or undone.
func TestPostgresStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	cluster := pgcluster.New(t)
	s := onPostgres(t, cluster.URL()).with("TENANTRY_INSTANCE_TTL=2s")
	s.must(t, "tenant", "create", "acme")
	s.must(t, "tenant", "create", "globex")
	for _, c := range []struct {
		request
		point string
		state models.State // in the end; none where there is to be no tenant
	}{
		{request{http.MethodPost, "", `{"subdomain":"nobody"}`}, "create/begin/before", ""},
		{request{http.MethodPost, "", `{"subdomain":"hooli"}`}, "create/database/before", models.StateActive},
		{request{http.MethodPost, "", `{"subdomain":"initech"}`}, "create/database/done", models.StateActive},
		{request{http.MethodPost, "/acme/suspend", ""}, "suspend/drain/before", models.StateSuspended},
		{request{http.MethodPost, "/acme/resume", ""}, "resume/begin/before", models.StateSuspended},
		{request{http.MethodDelete, "/acme", ""}, "archive/drain/done", models.StateArchived},
		{request{http.MethodDelete, "/acme?purge=true", ""}, "purge/trash/before", models.StatePurged},
		{request{http.MethodPost, "/acme/restore", ""}, "restore/untrash/done", models.StateActive},
	} {
		t.Run(c.point, func(t *testing.T) { stopAt(t, cluster, s, c.request, c.point, c.state) })
	}
}

func stopAt(t *testing.T, cluster *pgcluster.Cluster, s site, asked request, point string, want models.State) {
	t.Helper()
	reached, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.interrupt = func(passed string) {
		if passed == point {
			once.Do(func() { close(reached); <-goOn })
		}
	}
	srv := s.serve(t)
	answered := make(chan reply)
	go func() { answered <- srv.operate(t, asked.method, "/api/tenants"+asked.target, asked.body) }()
	<-reached
	cluster.Stop()
	close(goOn)
	r := <-answered
	if r.status != http.StatusServiceUnavailable || strings.Contains(r.body, "SQLSTATE") || strings.Contains(r.body, "socket") {
		t.Errorf("%d %s", r.status, r.body)
	}
	cluster.Start()
	srv.expect(t, "globex", http.StatusUnauthorized)
	s.expectInTheEnd(t, asked, want)
	srv.stop(t)
}

// expectInTheEnd expects that what was asked for is finished or undone, by a
// server that runs, and that the doctor finds nothing then.
func (s site) expectInTheEnd(t *testing.T, asked request, want models.State) {
	t.Helper()
	a := s.open(t)
	eventually(t, "the operation to be over", func() bool {
		left, _, err := a.manager.Operations(t.Context(), lifecycle.OperationFilter{Unfinished: true}, "", 10)
		return err == nil && len(left) == 0
	})
	name, _, _ := strings.Cut(strings.TrimLeft(asked.target, "/"), "/")
	name, _, _ = strings.Cut(name, "?")
	if asked.target == "" {
		name = strings.Split(asked.body, `"`)[3]
	}
	got, err := a.manager.Get(t.Context(), name)
	switch {
	case want == "" && !errors.Is(err, tenants.ErrUnknownTenant):
		t.Errorf("%+v, %v; want none", got, err)
	case want != "" && (err != nil || got.State != want):
		t.Errorf("%+v, %v; want it %s", got, err, want)
	}
	if r := s.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: status %d, %s%s", r.status, r.stdout, r.stderr)
	}
}
