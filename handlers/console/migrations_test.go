package console_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gorm.io/gorm"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// readEvents asks a stream for its events, until it ends.
func (s *site) readEvents(t *testing.T, path string, began func()) []string {
	t.Helper()
	srv := httptest.NewServer(s.router)
	defer srv.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", s.session)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	var events []string
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		switch text := lines.Text(); {
		case text == ": open":
			began()
		case strings.HasPrefix(text, "event: ") || strings.HasPrefix(text, "data: "):
			events = append(events, text)
		}
	}
	return events
}

func TestMigrations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.get(t, "/migrations").expect(t, 200, "No tenant has a database yet", "", "The last run")
		s.Tenant(t, "acme")
		s.Tenant(t, "globex")
		s.get(t, "/migrations").expect(t, 200, "All tenants are current", "current", "", "behind</span>")
		s.fill(t, 1, nil) // which has no database
		s.setVersions(t, 1)
		s.get(t, "/migrations").expect(t, 200, "Migrate 3 tenants", "behind</span>")
		events := s.readEvents(t, "/migrations/events", func() {})
		if fmt.Sprint(events) != "[event: over data: {}]" {
			t.Errorf("before a run: %v", events)
		}
		s.post(t, "/migrations").leads(t, "/migrations")
		events = s.readEvents(t, "/migrations/events", func() {})
		last := strings.Join(events[max(0, len(events)-4):], "\n")
		if !strings.Contains(last, `"total":3,"done":3,"failed":1`) || !strings.Contains(last, `"over":true`) ||
			!strings.HasSuffix(last, "event: over\ndata: {}") {
			t.Errorf("%v", events)
		}
		s.get(t, "/migrations").expect(t, 200, "The last run", "by Ada", `href="/tenants/filled-00000"`,
			"Migrate 1 tenant<", "Resume the run")
		if got, err := s.Lifecycle.Get(t.Context(), "acme"); err != nil ||
			got.SchemaVersion != s.Engine.SchemaVersion() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestRunsInWaves begins a run that stops at its gate, by the form, resumes it, and gives another one up.
func TestRunsInWaves(t *testing.T) {
	t.Parallel()
	s := small(t)
	s.fill(t, 2, nil) // without databases
	s.Tenant(t, "acme")
	s.setVersions(t, 1)
	s.post(t, "/migrations", "canaries", "acme nobody", "waves", "1").expect(t, 422, "Canaries names tenants that don&#39;t exist: nobody.", `value="acme nobody"`)
	s.post(t, "/migrations", "waves", "1 0").expect(t, 422, "has a size")
	s.post(t, "/migrations", "max_failures", "few").expect(t, 422, "must be a whole number")
	s.post(t, "/migrations/resume").expect(t, 409, "There is no migration run")
	s.post(t, "/migrations/stop").expect(t, 409, "There is no migration run")
	s.post(t, "/migrations", "canaries", "acme", "waves", "1, 100%", "pause_seconds", "", "max_failures", "0").leads(t, "/migrations")
	s.readEvents(t, "/migrations/events", func() {})
	s.get(t, "/migrations").expect(t, 200, "stopped", "It stopped: failures by the end of wave 2 of 3: 1", "Resume the run", "Give it up", "", "Migrate 2 tenants")
	s.post(t, "/migrations").expect(t, 409, "Resume it, or abandon it")
	s.post(t, "/migrations/resume").leads(t, "/migrations")
	s.readEvents(t, "/migrations/events", func() {})
	s.get(t, "/migrations").expect(t, 200, "The last run", "stopped", "Resume the run")
	s.post(t, "/migrations/abandon").leads(t, "/migrations")
	s.get(t, "/migrations").expect(t, 200, "abandoned", "", "Resume the run")
}

// setVersions makes the master think that all tenants have a schema version.
func (s *site) setVersions(t *testing.T, version int64) {
	t.Helper()
	err := s.Store.Master().Update(t.Context(), func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("1 = 1").Update("schema_version", version).Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCreationIsShown step by step, as the ledger tells.
func TestCreationIsShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		s.Tenant(t, "older")
		events := s.readEvents(t, "/new/steps?subdomain=acme", func() {
			s.Tenant(t, "other")
			s.post(t, "/tenants", "subdomain", "acme").leads(t, "/tenants/acme?done=created")
		})
		all := strings.Join(events, "\n")
		if !strings.HasSuffix(all, "event: step\ndata: {\"step\":\"\",\"state\":\"done\"}\nevent: over\ndata: {}") {
			t.Errorf("%v", events)
		}
	})
}

// TestStreamsEnd with who listens, and without a session there are none.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	s := small(t)
	srv := httptest.NewServer(s.router)
	defer srv.Close() // waits for the handlers
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/new/steps?subdomain=acme", http.NoBody)
	r.Header.Set("Cookie", s.session)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(answer.Body).ReadString('\n'); err != nil || line != ": open\n" {
		t.Errorf("%q, %v", line, err)
	}
	answer.Body.Close()
	s.send(t, request(t, "/new/steps?subdomain=acme", "", nil)).leads(t,
		"/sign-in?next=%2Fnew%2Fsteps%3Fsubdomain%3Dacme")
}

// TestRunsWithCopies plans a run on the page, begins it with copies, puts a copy back and accepts the rest.
func TestRunsWithCopies(t *testing.T) {
	t.Parallel()
	s := small(t)
	previous, err := migrate.Previous(models.Workspace().Migrations["sqlite"], s.Engine.SchemaVersion())
	if err != nil {
		t.Fatal(err)
	}
	for _, subdomain := range []string{"acme", "globex"} {
		s.Tenant(t, subdomain)
		if _, err := s.Lifecycle.MigrateDown(t.Context(), "ada", subdomain, previous); err != nil {
			t.Fatal(err)
		}
	}
	s.get(t, "/migrations").expect(t, 200, "what is dangerous", "", "What the migrations do</h2>")
	s.get(t, "/migrations?plan=yes").expect(t, 200, "What the migrations do</h2>", "<pre>")
	s.post(t, "/migrations", "max_slowdown", "fast").expect(t, 422, "must be a number")
	s.post(t, "/migrations", "max_errors", "101").expect(t, 422, "percentage points up to 100")
	s.post(t, "/migrations", "max_slowdown", "3", "max_errors", "2.5", "min_requests", "7", "keep_copies", "true").leads(t, "/migrations")
	s.readEvents(t, "/migrations/events", func() {})
	runs, err := s.fleet.Runs(t.Context(), 1)
	if err != nil || len(runs) != 1 || runs[0].Copies != 2 || runs[0].Plan.Gate.MaxSlowdown != 3 || runs[0].Plan.Gate.MaxErrors != 2.5 || runs[0].Plan.Gate.MinRequests != 7 {
		t.Fatalf("%+v, %v", runs, err)
	}
	run := runs[0].ID
	s.get(t, "/migrations").expect(t, 200, "2 copies", "Accept the run", "Go back to the copies")
	s.post(t, "/migrations/revert", "run", run, "tenant", "acme", "confirm", "yes").expect(t, 422, "Id of the run must be "+run, `value="acme"`)
	s.post(t, "/migrations/revert", "run", run, "tenant", "acme", "confirm", run).leads(t, "/migrations")
	s.fleet.Wait()
	if acme, err := s.Lifecycle.Get(t.Context(), "acme"); err != nil || acme.SchemaVersion != previous {
		t.Errorf("%+v, %v", acme, err)
	}
	s.post(t, "/migrations/accept", "run", run).leads(t, "/migrations")
	s.get(t, "/migrations").expect(t, 200, "The last run", "", "Go back to the copies", "Accept the run")
	s.post(t, "/migrations/accept", "run", run).expect(t, 409, "no copies of databases are kept")
}
