package command

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tenantry/models"
	"tenantry/tenants/migrate"
	"tenantry/tenants/tenantstest/wait"
)

// swapped is an answer at a subdomain while tenants are swapped: from which of them it came.
type swapped struct {
	host, from string
	begun, end time.Time
}

// swapLoad asks for two tenants that change places, with a token of each: one lets in where its tenant is served.
type swapLoad struct {
	tokens map[string]string // by the tenant, called as its first subdomain
	asked  atomic.Int64

	mu      sync.Mutex // guards what follows
	answers []swapped
	refused int
	stored  map[string][]string // the projects that a server said it has, by tenant
	wrong   []string
}

// TestSwapUnderLoad swaps two tenants and takes it back while clients ask two processes for both. Every answer comes whole
// from the tenant that was at the subdomain before, or from the one after, or is 503 with Retry-After; once the command has
// returned, none comes from the one before. What was stored is where its sender was told.
func TestSwapUnderLoad(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		names := []string{"acme", "acme-before"}
		for _, name := range names {
			s.create(t, name)
		}
		servers := []*server{s.serve(t), s.spawn(t)}
		l := &swapLoad{tokens: map[string]string{}, stored: map[string][]string{}}
		for _, name := range names {
			l.tokens[name] = servers[0].apiToken(t, name)
		}
		var running sync.WaitGroup
		over := make(chan struct{})
		for i, srv := range servers {
			for j, host := range names {
				running.Go(func() { l.ask(t, srv, host, fmt.Sprintf("%d-%d", i, j), over) })
			}
		}
		type period struct{ begun, end time.Time }
		swaps := []period{{end: time.Now()}}
		for range 4 {
			enough := l.asked.Load() + 40
			wait.Until(t, "answers in between", func() bool { return l.asked.Load() >= enough })
			begun := time.Now()
			s.must(t, "tenant", "swap", "acme", "acme-before")
			swaps = append(swaps, period{begun, time.Now()})
			t.Logf("swapped in %v", time.Since(begun).Round(time.Millisecond))
		}
		close(over)
		running.Wait()
		for _, a := range l.answers {
			for i, swap := range swaps {
				quiet := a.begun.After(swap.end) && (i+1 == len(swaps) || a.end.Before(swaps[i+1].begun))
				if at := names[(slices.Index(names, a.host)+i)%2]; quiet && a.from != at {
					l.wrong = append(l.wrong, fmt.Sprintf("after swap %d %s answered from %s, want %s", i, a.host, a.from, at))
				}
			}
		}
		for _, problem := range l.wrong[:min(10, len(l.wrong))] {
			t.Error(problem)
		}
		for _, name := range names { // after an even number of swaps
			var r reply
			wait.Until(t, name+" to be served", func() bool {
				r = servers[0].as(t, l.tokens[name], "GET", name, "/api/projects?limit=200", "")
				return r.status == http.StatusOK
			})
			got := l.projects(r)
			slices.Sort(got)
			slices.Sort(l.stored[name])
			if !slices.Equal(got, l.stored[name]) {
				t.Errorf("%s has %d projects, and %d were stored", name, len(got), len(l.stored[name]))
			}
		}
		t.Logf("%d answers, %d refused", len(l.answers), l.refused)
	})
}

// ask asks for the host until over is closed.
func (l *swapLoad) ask(t *testing.T, srv *server, host, who string, over <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-over:
			return
		default:
		}
		tenant := []string{"acme", "acme-before"}[i/2%2]
		project := ""
		if i%8 < 4 && i < 200 { // so many that one page lists them
			project = fmt.Sprintf("%s of %s %d", tenant, who, i)
		}
		begun := time.Now()
		var r reply
		if project != "" {
			r = srv.as(t, l.tokens[tenant], "POST", host, "/api/projects", fmt.Sprintf(`{"name":%q}`, project))
		} else {
			r = srv.as(t, l.tokens[tenant], "GET", host, "/api/projects?limit=200", "")
		}
		l.judge(r, swapped{host, tenant, begun, time.Now()}, project)
		if r.status != http.StatusServiceUnavailable {
			l.asked.Add(1)
		}
	}
}

func (l *swapLoad) judge(r reply, a swapped, project string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "":
		l.refused++
		return
	case r.status == http.StatusUnauthorized: // the other tenant is there
		a.from = map[string]string{"acme": "acme-before", "acme-before": "acme"}[a.from]
	case r.status == http.StatusCreated && project != "":
		l.stored[a.from] = append(l.stored[a.from], project)
	case r.status == http.StatusOK && project == "":
		for _, name := range l.projects(r) {
			if !strings.HasPrefix(name, a.from+" of ") {
				l.wrong = append(l.wrong, fmt.Sprintf("%s answered %s with %q", a.host, a.from, name))
			}
		}
	default:
		l.wrong = append(l.wrong, fmt.Sprintf("%s answered %d %s", a.host, r.status, r.body))
		return
	}
	l.answers = append(l.answers, a)
}

// projects returns the names of projects in a list.
func (l *swapLoad) projects(r reply) (names []string) {
	var page struct{ Items []struct{ Name string } }
	_ = json.Unmarshal([]byte(r.body), &page) // an answer that is none has no projects, and more were stored
	for _, item := range page.Items {
		names = append(names, item.Name)
	}
	return names
}

// TestSwapCommand: the command and the route of the API exchange tenants, and say why they can't.
func TestSwapCommand(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for _, name := range []string{"acme", "acme-before", "globex"} {
		s.create(t, name)
	}
	srv := s.serve(t)
	acme := s.tenant(t, "acme")
	if got := s.must(t, "tenant", "swap", "acme", "acme-before"); got != "tenant acme has the data that acme-before had, and the other way round\n" {
		t.Errorf("it says %q", got)
	}
	if got := s.tenant(t, "acme-before"); got.ID != acme.ID {
		t.Errorf("%+v", got)
	}
	r := srv.operate(t, "POST", "/api/tenants/acme/swap", `{"with":"acme-before"}`)
	if r.status != http.StatusOK || !strings.Contains(r.body, acme.ID) {
		t.Errorf("by the API: %d %s", r.status, r.body)
	}
	for body, want := range map[string]int{`{}`: 422, `{"with":"acme"}`: 409, `{"with":"nobody"}`: 404, `{"to":"globex"}`: 422} {
		if r := srv.operate(t, "POST", "/api/tenants/acme/swap", body); r.status != want {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	s.must(t, "tenant", "suspend", "globex")
	if r := s.run(t, "tenant", "swap", "acme", "globex"); r.status != exitFailed || !strings.Contains(r.stderr, "globex is suspended, and both must be active") {
		t.Errorf("status %d, %s", r.status, r.stderr)
	}
	if r := srv.operate(t, "POST", "/api/tenants/acme/swap", `{"with":"globex"}`); r.status != http.StatusConflict || !strings.Contains(r.body, "both must be active") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// TestRestoredCopyIsMigrated: a copy of a backup from before a migration is at this build's schema version, has its rows, and
// can be swapped with the tenant.
func TestRestoredCopyIsMigrated(t *testing.T) {
	t.Parallel()
	s, _ := withBackups(t)
	old := s
	schema := models.Workspace()
	latest := buildVersion(t)
	schema.Migrations = map[string]fs.FS{"sqlite": migrate.UpTo(schema.Migrations["sqlite"], latest-1), "postgres": schema.Migrations["postgres"]}
	old.options.Schema = schema
	old.create(t, "acme")
	srv := old.serve(t)
	if r := srv.post(t, "acme", "/api/projects", `{"name":"Of before"}`); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	srv.stop(t)
	old.must(t, "backup", "run")
	if got := old.tenant(t, "acme"); got.SchemaVersion != latest-1 {
		t.Fatalf("it is at version %d", got.SchemaVersion)
	}
	s.must(t, "migrate", "up")
	s.must(t, "tenant", "restore", "acme", "--as", "acme-before")
	if got := s.tenant(t, "acme-before"); got.SchemaVersion != latest {
		t.Errorf("the copy is at version %d, want %d", got.SchemaVersion, latest)
	}
	s.must(t, "tenant", "swap", "acme", "acme-before")
	back := s.serve(t)
	token, ok := back.signIn(t, "acme", admin("acme"), password)
	if r := back.as(t, "Authorization: Bearer "+token+"\r\n", "GET", "acme", "/api/projects", ""); !ok || !strings.Contains(r.body, "Of before") {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := s.run(t, "doctor"); r.status != exitDone {
		t.Errorf("doctor: %s %s", r.stdout, r.stderr)
	}
}

// buildVersion returns this build's schema version.
func buildVersion(t *testing.T) int64 {
	t.Helper()
	return engineOf(newSQLite(t).open(t)).SchemaVersion()
}
