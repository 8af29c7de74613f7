package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/wait"
)

// writers write projects of tenants until they are stopped.
type writers struct {
	service *service
	stop    atomic.Bool
	running sync.WaitGroup

	mu           sync.Mutex                 // protects the fields below
	acknowledged map[string]map[string]bool // projects by subdomain
	refused      map[string]int             // answers with 503
	unknown      int                        // answers that leave open what was stored
	wrong        []string
}

// write starts two writers for each tenant.
func (s *service) write(subdomains ...string) *writers {
	w := &writers{service: s, acknowledged: map[string]map[string]bool{}, refused: map[string]int{}}
	for _, subdomain := range subdomains {
		w.acknowledged[subdomain] = map[string]bool{}
		for i := range 2 {
			w.running.Go(func() {
				for n := 0; !w.stop.Load(); n++ {
					name := fmt.Sprintf("%d-%d", i, n)
					w.note(subdomain, name, s.ask(http.MethodPost, subdomain, "/api/projects", fmt.Sprintf(`{"name":%q}`, name)))
				}
			})
		}
	}
	return w
}

// note checks and counts an answer.
func (w *writers) note(subdomain, name string, r *httptest.ResponseRecorder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case r.Code == http.StatusCreated:
		w.acknowledged[subdomain][name] = true
	case r.Code == http.StatusServiceUnavailable && r.Header().Get("Retry-After") != "":
		w.refused[subdomain]++
	case r.Code == http.StatusInternalServerError && strings.Contains(r.Body.String(), "commit-unknown"):
		w.unknown++
	default:
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %d %s", subdomain, r.Code, r.Body))
	}
}

// expectWork waits until each tenant has n more acknowledged projects.
func (w *writers) expectWork(t *testing.T, n int) {
	t.Helper()
	counts := func() map[string]int {
		w.mu.Lock()
		defer w.mu.Unlock()
		counts := map[string]int{}
		for subdomain, names := range w.acknowledged {
			counts[subdomain] = len(names)
		}
		return counts
	}
	before := counts()
	wait.Until(t, "acknowledged writes of each tenant", func() bool {
		for subdomain, count := range counts() {
			if count < before[subdomain]+n {
				return false
			}
		}
		return true
	})
}

// expectRefusals waits until each tenant has had an answer with 503 since the call.
func (w *writers) expectRefusals(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	before := maps.Clone(w.refused)
	w.mu.Unlock()
	wait.Until(t, "503 of each tenant", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		for subdomain := range w.acknowledged {
			if w.refused[subdomain] == before[subdomain] {
				return false
			}
		}
		return true
	})
}

// end stops the writers. It expects that all that was acknowledged is stored, and at most most answers of 500 that
// leave open what was stored.
func (w *writers) end(t *testing.T, most int) {
	t.Helper()
	w.stop.Store(true)
	w.running.Wait()
	for _, text := range w.wrong[:min(len(w.wrong), 10)] {
		t.Error(text)
	}
	if w.unknown > most {
		t.Errorf("%d times it was unknown what was stored, want at most %d", w.unknown, most)
	}
	acknowledged, lost := 0, 0
	for subdomain, names := range w.acknowledged {
		stored := w.service.projects(t, subdomain)
		for name := range names {
			acknowledged++
			if !stored[name] {
				lost++
			}
		}
	}
	t.Logf("%d acknowledged, 503: %v, unknown: %d", acknowledged, w.refused, w.unknown)
	if lost > 0 {
		t.Errorf("%d projects were acknowledged and are lost", lost)
	}
}

// TestFailover kills the primary, which has the master and all tenants, under load, promotes its standby, and then
// starts the old primary again, which takes writes. Two processes are there all the while, a third one starts then.
func TestFailover(t *testing.T) {
	t.Parallel()
	primary := pgcluster.New(t)
	standby := primary.Standby()
	primary.AwaitStandby()
	names := []string{"acme", "globex", "initech"}
	config := onPostgres(t, primary.URLWith(standby))
	s := open(t, config, names...)
	other := open(t, config)
	w := s.write(names...)
	w.expectWork(t, 20)
	primary.Stop()
	w.expectRefusals(t)
	standby.Promote()
	promoted := time.Now()
	w.expectWork(t, 1)
	t.Logf("all tenants were served %v after the promotion", time.Since(promoted).Round(time.Millisecond))
	wait.Until(t, "the master", func() bool { return s.ask(http.MethodGet, "unknown", "/", "").Code == http.StatusNotFound })
	s.create(t, "hooli", tenants.DefaultServer)
	other.sessions = s.sessions
	wait.Until(t, "the other process", func() bool { return other.ask(http.MethodGet, "hooli", "/api/projects", "").Code == http.StatusOK })
	if _, err := s.Manager().Suspend(t.Context(), lifecycle.System, "hooli"); err != nil {
		t.Error(err)
	}
	if r := other.ask(http.MethodGet, "hooli", "/api/projects", ""); r.Code != http.StatusForbidden {
		t.Errorf("in the other process a suspended tenant gets %d %s", r.Code, r.Body)
	}
	if _, err := s.Manager().Resume(t.Context(), lifecycle.System, "hooli"); err != nil {
		t.Error(err)
	}

	primary.Start()
	run(t, primary, "ALTER SYSTEM RESET synchronous_standby_names")
	run(t, primary, "SELECT pg_reload_conf()")
	run(t, standby, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tenantry'")
	w.expectWork(t, 20)
	later := open(t, config)
	later.sessions = s.sessions
	if r := later.ask(http.MethodPost, "hooli", "/api/projects", `{"name":"later"}`); r.Code != http.StatusCreated {
		t.Errorf("a process that starts later: %d %s", r.Code, r.Body)
	}
	w.end(t, 2*2*len(names)) // one of each writer when the primary is killed, and when its connection is
}

func run(t *testing.T, server *pgcluster.Cluster, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
