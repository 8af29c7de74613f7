package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// writer adds projects to a tenant of a server that is killed again and again, and notes which were acknowledged when.
type writer struct {
	subdomain string
	bearer    string

	mu    sync.Mutex // protects acked
	acked map[string]time.Time
	tried int
}

// write adds projects until the server is gone.
func (w *writer) write(t *testing.T, srv *server) {
	for {
		w.tried++
		name := fmt.Sprintf("%s-%d", w.subdomain, w.tried)
		body := fmt.Sprintf(`{"name":%q}`, name)
		status, err := tryToPost(srv.public, w.subdomain, w.bearer, body)
		if err != nil {
			return
		}
		if status == http.StatusCreated {
			w.mu.Lock()
			w.acked[name] = time.Now()
			w.mu.Unlock()
		}
	}
}

// tryToPost adds a project, and returns an error if the server is gone.
func tryToPost(address, subdomain, bearer, body string) (status int, err error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+address+"/api/projects", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Host = subdomain + ".localhost"
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	return reply.StatusCode, reply.Body.Close()
}

// TestKilledWithBackups kills a server under writes with backups on, again and again, and loses its machine at last: what
// was acknowledged earlier than twice the backup interval before the end is there after the drill. While a server lives,
// no commit waits for longer than that. The long form kills 200 times, or as often as TENANTRY_TEST_KILLS says.
func TestKilledWithBackups(t *testing.T) {
	t.Parallel()
	kills := 3
	if os.Getenv(envLong) != "" {
		kills = 200
	}
	if text := os.Getenv("TENANTRY_TEST_KILLS"); text != "" {
		kills, _ = strconv.Atoi(text)
	}
	const interval = time.Second // that of backUpSoon
	s, _ := withBackups(t)
	writers := []*writer{{subdomain: "acme"}, {subdomain: "globex"}, {subdomain: "initech"}}
	for _, w := range writers {
		s.create(t, w.subdomain)
		w.acked = map[string]time.Time{}
	}
	var atRisk time.Duration
	var dead time.Time
	for i := range kills {
		srv := s.with(backUpSoon).spawn(t)
		for _, w := range writers {
			if w.bearer == "" {
				w.bearer, _ = srv.signIn(t, w.subdomain, admin(w.subdomain), password)
			}
		}
		life := time.Duration(150+i*37%700) * time.Millisecond
		if i == kills-1 {
			life = 3 * interval // so that something is old enough
		}
		var writing sync.WaitGroup
		for _, w := range writers {
			writing.Go(func() { w.write(t, srv) })
		}
		for end := time.Now().Add(life); time.Now().Before(end); {
			time.Sleep(min(100*time.Millisecond, time.Until(end))) // how long it lives: a kill comes at any time
			if i == kills-1 {
				atRisk = max(atRisk, srv.backupAge(t))
			}
		}
		dead = time.Now()
		if err := syscall.Kill(srv.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		writing.Wait()
		srv.status <- <-srv.status
	}
	if atRisk > 2*interval {
		t.Errorf("the oldest commit waited for %v", atRisk)
	}

	empty := newSQLite(t)
	key, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	empty.environ = append(empty.environ, slices.DeleteFunc(slices.Clone(s.environ), func(e string) bool { return !strings.HasPrefix(e, "TENANTRY_BACKUP") })...)
	empty.environ = append(empty.environ, "TENANTRY_SECRET_KEY="+strings.TrimSpace(string(key)))
	empty.must(t, "backup", "recover")
	if got := empty.must(t, "doctor"); got != "all is well\n" {
		t.Errorf("doctor: %s", got)
	}
	srv := empty.serve(t)
	acked, old, lost := 0, 0, 0
	for _, w := range writers {
		there := srv.projectNames(t, w)
		for name, at := range w.acked {
			acked++
			bound := dead.Add(-2 * interval)
			if at.Before(bound) {
				old++
			}
			if there[name] {
				continue
			}
			lost++
			if at.Before(bound) {
				t.Errorf("%s, acknowledged %v before the end, is missing", name, dead.Sub(at))
			}
		}
	}
	if old == 0 {
		t.Error("nothing is old enough to count")
	}
	t.Logf("%d kills; %d writes acknowledged, %d of them older than %v; %d of the younger are missing; oldest commit at risk %v",
		kills, acked, old, 2*interval, lost, atRisk)
}

// backupAge is the age of the oldest commit that is not backed up.
func (srv *server) backupAge(t *testing.T) time.Duration {
	t.Helper()
	for line := range strings.Lines(srv.operate(t, "GET", "/metrics", "").body) {
		if text, ok := strings.CutPrefix(line, "tenantry_backup_age_seconds "); ok {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return time.Duration(seconds * float64(time.Second))
		}
	}
	t.Fatal("no age among the metrics")
	return 0
}

// projectNames are the projects of the writer's tenant, whose session the backup has.
func (srv *server) projectNames(t *testing.T, w *writer) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	token, ok := srv.signIn(t, w.subdomain, admin(w.subdomain), password)
	if !ok {
		t.Fatalf("no sign-in at %s", w.subdomain)
	}
	for path := "/api/projects?limit=200"; path != ""; {
		var page struct {
			Items []struct{ Name string }
			Next  *string
		}
		r := srv.as(t, "Authorization: Bearer "+token+"\r\n", "GET", w.subdomain, path, "")
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || r.status != http.StatusOK {
			t.Fatalf("%d %s, %v", r.status, r.body, err)
		}
		for _, p := range page.Items {
			names[p.Name] = true
		}
		path = ""
		if page.Next != nil {
			path = "/api/projects?limit=200&after=" + *page.Next
		}
	}
	return names
}
