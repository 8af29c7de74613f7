package command

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// envLong makes tests run that take long, as .ci/run -long does.
const envLong = "TENANTRY_TEST_LONG"

// builds are three builds of the program: today's; with one more migration, which older code can live with; and with a
// second one, which it can't.
type builds struct{ today, expands, contracts string }

// makeBuilds makes the builds. Each later one has more migrations in the embedded folder.
func makeBuilds(t *testing.T) builds {
	t.Helper()
	dir, last := t.TempDir(), latest(t)
	expand := [2]string{
		fmt.Sprintf("-- serves from: %[1]d\n-- older code from: %[1]d", last),
		"ALTER TABLE projects ADD COLUMN summary text NOT NULL DEFAULT ''",
	}
	contract := [2]string{fmt.Sprintf("-- serves from: %d", last), "ALTER TABLE projects DROP COLUMN summary"}
	return builds{
		build(t, dir, last), build(t, dir, last, expand), build(t, dir, last, expand, contract),
	}
}

// build builds the program with more migrations: what each declares, and its statement.
func build(t *testing.T, dir string, last int64, more ...[2]string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for i, migration := range more {
		name := fmt.Sprintf("%05d_more.sql", last+1+int64(i))
		file := filepath.Join(dir, fmt.Sprintf("%d-%s", len(more), name))
		if err := os.WriteFile(file, []byte(migration[0]+"\n-- +goose Up\n"+migration[1]+";\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, dialect := range []string{"sqlite", "postgres"} {
			replace[filepath.Join(root, "models", "migrations", dialect, name)] = file
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay, program := filepath.Join(dir, fmt.Sprintf("%d.json", len(more))), filepath.Join(dir, fmt.Sprintf("build%d", len(more)))
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", program, root)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return program
}

// balancer sends requests to the servers in turn, as a load balancer does.
type balancer struct {
	servers atomic.Pointer[[]*server]
	next    atomic.Int64
	sending sync.RWMutex // held for reading by each request
}

// use changes the servers, and returns when the others have answered their last request.
func (b *balancer) use(servers ...*server) {
	b.servers.Store(&servers)
	b.sending.Lock()
	defer b.sending.Unlock()
}

// send sends a request until a server answers with another status than 503, which must come with Retry-After.
func (b *balancer) send(t *testing.T, method, subdomain, path, body string) reply {
	for {
		b.sending.RLock()
		servers := *b.servers.Load()
		srv := servers[int(b.next.Add(1))%len(servers)]
		r := srv.as(t, srv.bearer(t, subdomain), method, subdomain, path, body)
		b.sending.RUnlock()
		if r.status != http.StatusServiceUnavailable {
			return r
		}
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: 503 without Retry-After: %s", method, path, r.body)
		}
	}
}

// load reads and writes a tenant until stop is closed. It returns the names of the projects whose creation was
// acknowledged. passes counts the rounds.
func (b *balancer) load(t *testing.T, subdomain string, stop <-chan struct{}, passes *atomic.Int64) (stored []string) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return stored
		default:
		}
		name := fmt.Sprintf("project-%04d", i)
		r := b.send(t, "POST", subdomain, "/api/projects", fmt.Sprintf(`{"name":%q}`, name))
		if r.status != http.StatusCreated {
			t.Errorf("create: %d %s", r.status, r.body)
			return stored
		}
		stored = append(stored, name)
		if r := b.send(t, "GET", subdomain, "/api/projects?limit=1", ""); r.status != http.StatusOK {
			t.Errorf("list: %d %s", r.status, r.body)
			return stored
		}
		passes.Add(1)
	}
}

// TestRollingDeployment upgrades an installation under load: first to a build that expands the schema, then to a build that
// contracts it. No request fails, and nothing that was acknowledged is lost.
func TestRollingDeployment(t *testing.T) {
	t.Parallel()
	if os.Getenv(envLong) == "" {
		t.Skipf("%s is not set: it makes three builds of the program; lifecycle.TestTwoBuilds is the short form", envLong)
	}
	b := makeBuilds(t)
	each(t, func(t *testing.T, s site) { deploy(t, s, b) })
}

func deploy(t *testing.T, s site, b builds) {
	t.Helper()
	subdomains := []string{"acme", "globex"}
	for _, subdomain := range subdomains {
		s.create(t, subdomain)
	}
	serve := func(program string) *server {
		t.Helper()
		return s.launch(t, exec.Command(program, serveArgs([]string{"--lazy-migrate", "off"})...))
	}
	migrate := func(program string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, "migrate", "up")
		cmd.Env = s.environ
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	var balance balancer
	var passes atomic.Int64
	some := func(when string) {
		t.Helper()
		begun := passes.Load()
		wait.Until(t, "requests "+when, func() bool { return passes.Load() > begun+10 || t.Failed() })
	}
	old := serve(b.today)
	balance.use(old)
	for _, subdomain := range subdomains {
		old.get(t, subdomain, "/api/projects").expect(t, http.StatusOK) // signs in
	}
	stop, stored := make(chan struct{}), make([][]string, len(subdomains))
	var running sync.WaitGroup
	for i, subdomain := range subdomains {
		running.Go(func() { stored[i] = balance.load(t, subdomain, stop, &passes) })
	}
	defer running.Wait()
	end := sync.OnceFunc(func() { close(stop) })
	defer end()

	expanded := serve(b.expands)
	balance.use(old, expanded)
	some("before the migration")
	if output, err := migrate(b.expands); err != nil || !strings.Contains(output, "2 tenants migrated") {
		t.Fatalf("expand: %v, %s", err, output)
	}
	some("by both builds after the migration")
	contracted := serve(b.contracts)
	balance.use(old, expanded, contracted)
	some("by three builds")
	if output, err := migrate(b.contracts); err == nil || !strings.Contains(output, fmt.Sprintf("process %d", old.pid)) {
		t.Fatalf("contract while older builds live: %v, %s", err, output)
	}
	balance.use(contracted)
	for _, srv := range []*server{old, expanded} {
		if status := srv.stop(t); status != 0 {
			t.Errorf("an older build ended with status %d: %s", status, srv.log)
		}
	}
	if output, err := migrate(b.contracts); err != nil || !strings.Contains(output, "2 tenants migrated") {
		t.Fatalf("contract: %v, %s", err, output)
	}
	some("after the contraction")
	end()
	running.Wait()
	for i, subdomain := range subdomains {
		if names := contracted.projects(t, subdomain); len(stored[i]) == 0 || !slices.Equal(names, stored[i]) {
			t.Errorf("%s: %d projects were acknowledged, and there are %d", subdomain, len(stored[i]), len(names))
		}
	}
}

// projects returns the names of a tenant's projects, sorted.
func (srv *server) projects(t *testing.T, subdomain string) (names []string) {
	t.Helper()
	for after := ""; ; {
		r := srv.get(t, subdomain, "/api/projects?limit=200"+after)
		var page struct {
			Items []struct{ Name string }
			Next  *string
		}
		if err := json.Unmarshal([]byte(r.body), &page); err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			names = append(names, item.Name)
		}
		if page.Next == nil {
			slices.Sort(names)
			return names
		}
		after = "&after=" + *page.Next
	}
}
