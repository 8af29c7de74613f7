package fleet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/tenantstest"
	"tenantry/tenants/traffic"
)

// serving is a process that tells of requests.
type serving struct {
	*tenantstest.Env
	recorder *traffic.Recorder
	archive  *traffic.Archive
	now      time.Time
}

func newServing(env *tenantstest.Env) *serving {
	s := &serving{Env: env, now: time.Now()}
	s.recorder = traffic.New(1, func() time.Time { return s.now })
	s.archive = traffic.NewArchive(s.recorder, env.Store.Master())
	return s
}

// serve answers requests of a tenant, as it is now, and tells of them.
func (s *serving) serve(t *testing.T, subdomain string, requests, failed int, took time.Duration) {
	t.Helper()
	tenant, err := s.Lifecycle.Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		s.recorder.Record(traffic.Request{
			TenantID: tenant.ID, Tenant: subdomain, Failed: i < failed, Took: took,
			Group: traffic.Group{Server: tenant.Server, SchemaVersion: tenant.SchemaVersion},
		})
	}
	s.now = s.now.Add(traffic.TellTime)
	if err := s.archive.WriteLoad(t.Context(), s.Store); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	if err := s.archive.WriteLoad(t.Context(), s.Store); err != nil { // it does nothing now
		t.Fatal(err)
	}
}

// TestGateByTraffic has two processes serve migrated tenants and others in the pause after the first wave.
func TestGateByTraffic(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		for name, c := range map[string]struct {
			gate             fleet.Gate
			failed           int
			migrated, others time.Duration
			closes           string
		}{
			"the new version is slow": {fleet.Gate{}, 0, time.Second, 20 * time.Millisecond, "slow"},
			"the new version fails":   {fleet.Gate{}, 10, 20 * time.Millisecond, 20 * time.Millisecond, "fail"},
			"all are slow":            {fleet.Gate{}, 0, time.Second, time.Second, ""},
			"the gate is off":         {fleet.Gate{Off: true}, 100, time.Second, time.Millisecond, ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, engine, 3)
				one, other := newServing(s.Env), newServing(s.Beside(t, tenantstest.Options{}))
				one.serve(t, "t03", 1000, 1000, time.Second) // before the run
				paused := false
				notes := ""
				progress := func(p fleet.Progress) {
					notes += p.Note + "\n"
					if p.Note == "" || paused {
						return
					}
					paused = true
					one.serve(t, "t03", 60, c.failed, c.migrated)
					other.serve(t, "t03", 60, 0, c.migrated)
					other.serve(t, "t01", 200, 0, c.others)
				}
				plan := fleet.Plan{Waves: []fleet.Size{{Number: 1}}, PauseSeconds: 1, Gate: c.gate, DespiteOlderBuilds: true}
				run, err := s.Migrate(t.Context(), "ada", plan, progress)
				if c.closes == "" {
					if err != nil || run.State != tenants.RunDone || !c.gate.Off && !strings.Contains(notes, "120 requests of migrated tenants") {
						t.Errorf("%+v, %v, %s", run, err, notes)
					}
					return
				}
				var stopped *fleet.StoppedError
				if !errors.As(err, &stopped) || run.Migrated != 1 || !strings.Contains(run.Reason, c.closes) || !strings.Contains(run.Reason, "200") {
					t.Fatalf("%+v, %v", run, err)
				}
				if run, err := s.Resume(t.Context(), "ada", nil, nil); err != nil || run.State != tenants.RunDone {
					t.Errorf("resumed: %+v, %v", run, err)
				}
			})
		}
	})
}
