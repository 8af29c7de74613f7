package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/fleet"
	"tenantry/tenants/tenantstest"
)

// site is an installation whose tenants t01, t02, … are behind. Migrations are its engine's to refuse, and to hold.
type site struct {
	*tenantstest.Env
	*fleet.Fleet
	engine *obedient
}

// obedient is an engine that refuses to migrate some tenants, and calls a function before it migrates.
type obedient struct {
	tenants.Engine
	mu     sync.Mutex
	refuse []string
	before func(subdomain string)
	order  []string
}

func (o *obedient) Migrate(ctx context.Context, t *tenants.Tenant) (int64, error) {
	o.mu.Lock()
	o.order = append(o.order, t.Subdomain)
	refused, before := slices.Contains(o.refuse, t.Subdomain), o.before
	o.mu.Unlock()
	if before != nil {
		before(t.Subdomain)
	}
	if refused {
		return t.SchemaVersion, errRefused
	}
	return o.Engine.Migrate(ctx, t)
}

func (o *obedient) set(before func(string), refuse ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.before, o.refuse, o.order = before, refuse, nil
}

func (o *obedient) migrated() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.order)
}

func newSite(t *testing.T, engine tenantstest.Engine, number int) *site {
	t.Helper()
	s := &site{engine: &obedient{}}
	s.Env = tenantstest.New(t, tenantstest.Options{Engine: engine, Wrap: func(e tenants.Engine) tenants.Engine {
		s.engine.Engine = e
		return s.engine
	}})
	s.Fleet = fleet.New(s.Store, s.Lifecycle, slog.New(slog.DiscardHandler))
	var all []string
	for i := range number {
		all = append(all, fmt.Sprintf("t%02d", i+1))
		s.Tenant(t, all[i])
	}
	setBehind(t, s.Env, all...)
	return s
}

// the returns the newest run.
func (s *site) the(t *testing.T) fleet.Run {
	t.Helper()
	runs, err := s.Runs(t.Context(), 1)
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	return runs[0]
}

// TestRun migrates tenants in waves: canaries first, then the newest. What became of each is recorded.
func TestRun(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 6)
		s.engine.set(nil, "t05")
		var waves []string
		run, err := s.Migrate(t.Context(), "ada", fleet.Plan{Canaries: []string{"t02"}, Waves: []fleet.Size{{Number: 2}}}, func(p fleet.Progress) {
			if p.Note == "" {
				waves = append(waves, fmt.Sprintf("%d/%d of %d: %d of %d", p.Wave, p.Waves, p.Total, p.Done, p.Total))
			}
		})
		var partial *fleet.PartialError
		if !errors.As(err, &partial) || partial.Migrated != 5 || len(partial.Failed) != 1 || partial.Failed[0].Subdomain != "t05" {
			t.Fatalf("got %v", err)
		}
		if got, want := strings.Join(waves, "; "), "1/3 of 6: 1 of 6; 2/3 of 6: 2 of 6; 2/3 of 6: 3 of 6; "+
			"3/3 of 6: 4 of 6; 3/3 of 6: 5 of 6; 3/3 of 6: 6 of 6"; got != want {
			t.Errorf("progress: %s, want %s", got, want)
		}
		order := s.engine.migrated()
		slices.Sort(order[1:3])
		if !slices.Equal(order[:3], []string{"t02", "t05", "t06"}) {
			t.Errorf("the order was %v", order)
		}
		if r := s.the(t); r.ID != run.ID || r.State != tenants.RunFailed || r.Total != 6 || r.Migrated != 5 || r.Failed != 1 ||
			r.By != "ada" || r.FinishedAt == nil || r.Interrupted || !slices.Equal(r.Waves, []int{1, 2, 3}) {
			t.Errorf("the run is %+v", r)
		}
		page, next, err := s.Tenants(t.Context(), run.ID, "", "", 4)
		if err != nil || len(page) != 4 || next == "" || page[0].Subdomain != "t02" || page[0].State != tenants.OperationDone ||
			page[0].To != s.engine.SchemaVersion() || page[0].FinishedAt == nil {
			t.Fatalf("first page %+v, %v", page, err)
		}
		rest, next, err := s.Tenants(t.Context(), run.ID, "", next, 4)
		if err != nil || len(rest) != 2 || next != "" {
			t.Errorf("second page %+v, %v", rest, err)
		}
		if failed, _, err := s.Tenants(t.Context(), run.ID, tenants.OperationFailed, "", 4); err != nil || len(failed) != 1 || failed[0].Subdomain != "t05" {
			t.Errorf("failed: %+v, %v", failed, err)
		}
		for _, tenant := range append(page, rest...) {
			if (tenant.Subdomain == "t05") != (tenant.State == tenants.OperationFailed && tenant.Error == "migrate: refused") {
				t.Errorf("tenant %+v", tenant)
			}
		}
	})
}

// TestGate stops a run after the wave in which too many tenants fail, whose other tenants are migrated. Nothing but
// resuming it or giving it up leads on.
func TestGate(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 7)
		s.engine.set(nil, "t05", "t06")
		one := 1
		plan := fleet.Plan{Waves: []fleet.Size{{Number: 1}, {Number: 3}}, MaxFailures: &one}
		run, err := s.Migrate(t.Context(), "ada", plan, nil)
		var stopped *fleet.StoppedError
		if !errors.As(err, &stopped) || !errors.Is(err, errRefused) || len(s.engine.migrated()) != 4 {
			t.Fatalf("migrated %v, %v", s.engine.migrated(), err)
		}
		if r := s.the(t); r.State != tenants.RunStopped || r.FinishedAt != nil || r.Migrated != 2 || r.Failed != 2 || r.Reason == "" {
			t.Errorf("the run is %+v", r)
		}
		if _, err := s.Migrate(t.Context(), "ada", plan, nil); !errors.As(err, &stopped) || stopped.Run.ID != run.ID || len(s.engine.migrated()) != 4 {
			t.Errorf("another run: %v", err)
		}
		s.engine.set(nil)
		again, err := s.Resume(t.Context(), "bob", nil, nil)
		if order := s.engine.migrated(); err != nil || again.ID != run.ID || len(order) != 5 ||
			!slices.Contains(order[2:], "t05") || !slices.Contains(order[2:], "t06") {
			t.Errorf("resumed: %v, order %v", err, order)
		}
		if r := s.the(t); r.State != tenants.RunDone || r.Migrated != 7 || r.Failed != 0 || r.By != "bob" || r.Reason != "" {
			t.Errorf("the run is %+v", r)
		}
		if _, err := s.Resume(t.Context(), "bob", nil, nil); !errors.Is(err, fleet.ErrNothingToResume) {
			t.Errorf("resumed again: %v", err)
		}
	})
}

// TestGateIsGivenUp begins another run in place of one that has stopped.
func TestGateIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, tenantstest.SQLite, 3)
	s.engine.set(nil, "t03")
	_, err := s.Migrate(t.Context(), "ada", fleet.Plan{Waves: []fleet.Size{{Number: 1}}, MaxFailures: new(int)}, nil)
	var stopped *fleet.StoppedError
	if !errors.As(err, &stopped) {
		t.Fatal(err)
	}
	if err := s.Abandon(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(t.Context(), "ada", nil, nil); !errors.Is(err, fleet.ErrNothingToResume) {
		t.Errorf("resumed: %v", err)
	}
	s.engine.set(nil)
	if run, err := s.Migrate(t.Context(), "ada", fleet.Plan{}, nil); err != nil || run.Total != 3 {
		t.Errorf("another run: %+v, %v", run, err)
	}
	if runs, err := s.Runs(t.Context(), 9); err != nil || len(runs) != 2 || runs[1].State != tenants.RunAbandoned {
		t.Errorf("runs %+v, %v", runs, err)
	}
}

// TestStop stops a run from another process. The tenant under way is migrated, and no other is begun.
func TestStop(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 4)
		beside := s.Beside(t, tenantstest.Options{})
		elsewhere := fleet.New(beside.Store, beside.Lifecycle, slog.New(slog.DiscardHandler))
		s.engine.set(func(string) {
			if err := elsewhere.Stop(t.Context(), "bob"); err != nil {
				t.Error(err)
			}
		})
		_, err := s.Migrate(t.Context(), "ada", fleet.Plan{Waves: []fleet.Size{{Number: 1}}, PauseSeconds: 3600}, nil)
		var stopped *fleet.StoppedError
		if r := s.the(t); !errors.As(err, &stopped) || r.State != tenants.RunStopped || r.Migrated != 1 || r.Failed != 0 || !strings.Contains(r.Reason, "bob") {
			t.Errorf("the run is %+v, %v", r, err)
		}
		s.engine.set(nil)
		if _, err := elsewhere.Resume(t.Context(), "bob", func(p *fleet.Plan) { p.PauseSeconds = 0 }, nil); err != nil {
			t.Error(err)
		}
		if err := s.Stop(t.Context(), "bob"); !errors.Is(err, fleet.ErrNothingToResume) {
			t.Errorf("stop of a run that is done: %v", err)
		}
	})
}

// TestOneRunAtATime begins a run while another process has one.
func TestOneRunAtATime(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 2)
		beside := s.Beside(t, tenantstest.Options{})
		elsewhere := fleet.New(beside.Store, beside.Lifecycle, slog.New(slog.DiscardHandler))
		s.engine.set(func(string) {
			_, err := elsewhere.Migrate(t.Context(), "bob", fleet.Plan{}, nil)
			_, resumed := elsewhere.Resume(t.Context(), "bob", nil, nil)
			for _, err := range []error{err, resumed, elsewhere.Abandon(t.Context())} {
				var running *fleet.RunningError
				if !errors.As(err, &running) || running.Run.By != "ada" {
					t.Errorf("got %v", err)
				}
			}
		})
		if run, err := s.Migrate(t.Context(), "ada", fleet.Plan{Parallel: 1}, nil); err != nil || run.State != tenants.RunDone {
			t.Errorf("%+v, %v", run, err)
		}
	})
}

// TestInterruptedRun ends the context of a run. Another run begins only when that one is resumed or given up.
func TestInterruptedRun(t *testing.T) {
	t.Parallel()
	plan := fleet.Plan{Waves: []fleet.Size{{Number: 1}}, Except: []string{"t01"}}
	for name, goOn := range map[string]func(s *site) (*fleet.Run, error){
		"abandoned": func(s *site) (*fleet.Run, error) {
			if err := s.Abandon(context.Background()); err != nil {
				return nil, err
			}
			return s.Migrate(context.Background(), "ada", fleet.Plan{Except: []string{"t01"}}, nil)
		},
		"resumed": func(s *site) (*fleet.Run, error) {
			return s.Resume(context.Background(), "ada", nil, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tenantstest.SQLite, 5)
			ctx, cancel := context.WithCancel(t.Context())
			s.engine.set(func(string) { cancel() })
			_, err := s.Migrate(ctx, "ada", plan, nil)
			var stopped *fleet.StoppedError
			if r := s.the(t); !errors.As(err, &stopped) || r.State != tenants.RunStopped || r.Migrated+r.Failed != 1 {
				t.Fatalf("the run is %+v, %v", r, err)
			}
			s.engine.set(nil)
			stopped = nil
			if _, err := s.Migrate(t.Context(), "ada", fleet.Plan{}, nil); !errors.As(err, &stopped) || !stopped.Interrupted() ||
				!stopped.Continues(fleet.Plan{Parallel: 2}) || !stopped.Continues(plan) || stopped.Continues(fleet.Plan{Except: []string{"t02"}}) || stopped.Continues(fleet.Plan{First: 1}) {
				t.Fatalf("another run: %v", err)
			}
			if run, err := goOn(s); err != nil || run.State != tenants.RunDone {
				t.Errorf("%+v, %v", run, err)
			}
			standings, err := fleet.Status(t.Context(), s.Store)
			if err != nil || len(standings) != 2 || standings[1].Tenants != 4 || standings[1].SchemaVersion != standings[1].Target {
				t.Errorf("standings %+v, %v", standings, err)
			}
		})
	}
}

// TestRunsWithNothingLeft stops runs and migrates their tenants otherwise. The next run doesn't go on with them.
func TestRunsWithNothingLeft(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 3)
		for how, stop := range map[string]func(cancel func()){
			"interrupted": func(cancel func()) { cancel() },
			"stopped": func(func()) {
				if err := s.Stop(context.WithoutCancel(t.Context()), "bob"); err != nil {
					t.Error(err)
				}
			},
		} {
			ctx, cancel := context.WithCancel(t.Context())
			s.engine.set(func(string) { stop(cancel) })
			plan := fleet.Plan{Waves: []fleet.Size{{Number: 1}}, Parallel: 1, PauseSeconds: 3600}
			_, err := s.Migrate(ctx, "ada", plan, nil)
			cancel()
			var stopped *fleet.StoppedError
			if !errors.As(err, &stopped) || s.the(t).State != tenants.RunStopped {
				t.Fatalf("%s: the run is %+v, %v", how, s.the(t), err)
			}
			s.engine.set(nil)
			if _, err := s.Lifecycle.Migrate(t.Context(), "bob", "t01"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Migrate(t.Context(), "ada", fleet.Plan{Tenants: []string{"t01"}}, nil); err != nil || s.the(t).State != tenants.RunStopped {
				t.Errorf("%s: a run of none beside tenants that are left: %+v, %v", how, s.the(t), err)
			}
			for _, subdomain := range []string{"t02", "t03"} {
				if _, err := s.Lifecycle.Migrate(t.Context(), "bob", subdomain); err != nil {
					t.Fatal(err)
				}
			}
			if run, err := s.Migrate(t.Context(), "ada", fleet.Plan{}, nil); run != nil || err != nil {
				t.Errorf("%s: a run of no tenant: %+v, %v", how, run, err)
			}
			if r := s.the(t); r.State != tenants.RunDone || r.Resumable() || r.Reason != "" {
				t.Errorf("%s: the run is %+v", how, r)
			}
			setBehind(t, s.Env, "t01", "t02", "t03")
			if run, err := s.Migrate(t.Context(), "ada", fleet.Plan{}, nil); err != nil || run.Migrated != 3 || run.Plan.PauseSeconds != 0 {
				t.Errorf("%s: the next run: %+v, %v", how, run, err)
			}
			setBehind(t, s.Env, "t01", "t02", "t03")
		}
	})
}

// TestPlans limits runs to some tenants.
func TestPlans(t *testing.T) {
	t.Parallel()
	tenantstest.EachEngine(t, func(t *testing.T, engine tenantstest.Engine) {
		s := newSite(t, engine, 6)
		s.engine.set(nil, "t06")
		for _, step := range []struct {
			plan fleet.Plan
			want string
		}{
			{fleet.Plan{Tenants: []string{"t02", "t04"}}, "t02 t04"},
			{fleet.Plan{Server: "elsewhere"}, ""},
			{fleet.Plan{Failed: true}, ""},
			{fleet.Plan{First: 1, Server: tenants.DefaultServer}, "t06"},
			{fleet.Plan{First: 2, Canaries: []string{"t01"}}, "t01 t06"},
			{fleet.Plan{Failed: true}, "t06"},
			{fleet.Plan{First: 1}, "t06"},
			{fleet.Plan{}, "t03 t05 t06"},
		} {
			s.engine.set(nil, "t06")
			if _, err := s.Migrate(t.Context(), "ada", step.plan, nil); err != nil && !errors.Is(err, errRefused) {
				t.Fatal(err)
			}
			order := s.engine.migrated()
			slices.Sort(order)
			if got := strings.Join(order, " "); got != step.want {
				t.Errorf("%+v: migrated %q, want %q", step.plan, got, step.want)
			}
		}
		s.engine.set(nil)
		if _, err := s.Resume(t.Context(), "ada", nil, nil); err != nil || !slices.Equal(s.engine.migrated(), []string{"t06"}) {
			t.Errorf("resumed: migrated %v, %v", s.engine.migrated(), err)
		}
		var unknown *fleet.UnknownError
		if _, err := s.Migrate(t.Context(), "ada", fleet.Plan{Canaries: []string{"t01", "nobody"}}, nil); !errors.As(err, &unknown) {
			t.Errorf("an unknown canary: %v", err)
		}
	})
}
