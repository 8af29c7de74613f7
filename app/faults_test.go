package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/tenantstest/pgcluster"
	"tenantry/tenants/tenantstest/pgproxy"
	"tenantry/tenants/tenantstest/wait"
)

// faulty is an installation with two tenants to which a test does harm.
type faulty struct {
	*service
	proxy *pgproxy.Proxy // between the application and Postgres; nil on SQLite
	dir   string         // the data folder
}

// newFaulty returns an installation on the tests' Postgres server, behind a proxy.
func newFaulty(t *testing.T, subdomains ...string) *faulty {
	t.Helper()
	proxy := pgproxy.New(t, pgcluster.URL(t))
	c := onPostgres(t, proxy.Through(pgcluster.Database(t)))
	c.MasterAway = "5m"
	f := &faulty{proxy: proxy, service: open(t, c, subdomains...)}
	t.Cleanup(func() { f.drop(t) })
	return f
}

// newFaultySQLite returns an installation on SQLite.
func newFaultySQLite(t *testing.T) *faulty {
	t.Helper()
	c := app.Defaults()
	c.DataDir, c.InstanceTTL, c.MasterAway = t.TempDir(), "2s", "5m"
	return &faulty{dir: c.DataDir, service: open(t, c, "acme", "globex")}
}

// drop drops the tenants' databases.
func (f *faulty) drop(t *testing.T) {
	engine, err := f.Store().Server(tenants.DefaultServer)
	if err != nil {
		t.Error(err)
		return
	}
	all, _, err := f.Manager().List(context.Background(), "", 100)
	if err != nil {
		t.Error(err)
	}
	for i := range all {
		if all[i].Server != tenants.DefaultServer {
			continue // it ends with its folder
		}
		if err := engine.Drop(context.Background(), &all[i]); err != nil {
			t.Error(err)
		}
	}
}

// terminate ends all sessions of a tenant on Postgres.
func (f *faulty) terminate(t *testing.T, subdomain string) {
	t.Helper()
	tenant, err := f.Manager().Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pgcluster.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", tenant.Database); err != nil {
		t.Fatal(err)
	}
}

// TestFaultsUnderLoad does harm to the connections of tenants that are written to all the while. Each answer says that
// something was stored, or that it wasn't, with 503 and Retry-After; only a COMMIT whose answer was lost may leave that
// open. Afterwards all are served, without a restart. TestFailover stops the server, and other tests those of SQLite:
// see package command's TestDiskFull and TestFewOpenFiles.
func TestFaultsUnderLoad(t *testing.T) {
	t.Parallel()
	const rounds = 3
	for name, harm := range map[string]func(t *testing.T, f *faulty, w *writers){
		"sessions end": func(t *testing.T, f *faulty, w *writers) {
			f.terminate(t, "acme")
			f.terminate(t, "globex")
		},
		"connections break": func(_ *testing.T, f *faulty, _ *writers) { f.proxy.Cut() },
		"messages are late": func(t *testing.T, f *faulty, w *writers) {
			f.proxy.Delay(20 * time.Millisecond)
			w.expectWork(t, 2)
			f.proxy.Delay(0)
		},
		"messages are held up": func(t *testing.T, f *faulty, _ *writers) {
			f.proxy.Swallow()
			wait.Until(t, "a message of each tenant to be held up", func() bool { return f.proxy.Held() >= 2 })
			f.proxy.Release()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t, "acme", "globex")
			w := f.write("acme", "globex")
			for range rounds {
				w.expectWork(t, 5)
				harm(t, f, w)
			}
			w.expectWork(t, 5)
			w.end(t, rounds*4) // one of each writer
		})
	}
}

// wellBelow is a bound on answers that is much smaller than the 30 seconds that a request may take.
const wellBelow = 15 * time.Second

// TestServerFallsSilent swallows all connections a moment after they were used, and amid a statement of another tenant.
// Nothing closes them. All requests are refused long before their deadlines, and served once the server is back.
func TestServerFallsSilent(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, "acme", "globex")
	unlock := f.lock(t, "globex", "projects")
	answers := make(chan *httptest.ResponseRecorder, 5)
	go func() { answers <- f.ask(http.MethodPost, "globex", "/api/projects", `{"name":"waits"}`) }()
	f.awaitWaiting(t, "globex")
	for range 20 { // until a connection was certainly used less than a second before
		if r := f.ask(http.MethodGet, "acme", "/api/projects", ""); r.Code != http.StatusOK {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
	}
	f.proxy.Swallow()
	begun := time.Now()
	for range cap(answers) - 1 {
		go func() { answers <- f.ask(http.MethodGet, "acme", "/api/projects", "") }()
	}
	for range cap(answers) {
		r := <-answers
		if r.Code != http.StatusServiceUnavailable || r.Header().Get("Retry-After") == "" {
			t.Errorf("%d %s", r.Code, r.Body)
		}
		if took := time.Since(begun); took > wellBelow {
			t.Errorf("refused after %v", took)
		}
	}
	t.Logf("all were refused after %v", time.Since(begun).Round(time.Millisecond))
	f.proxy.Release()
	unlock()
	for _, subdomain := range []string{"acme", "globex"} {
		wait.Until(t, subdomain, func() bool { return f.ask(http.MethodGet, subdomain, "/api/projects", "").Code == http.StatusOK })
		if f.projects(t, subdomain)["waits"] {
			t.Error("a project is stored whose request was refused")
		}
	}
}

// lock locks a table of the tenant's against writes, until unlock is called.
func (f *faulty) lock(t *testing.T, subdomain, table string) (unlock func()) {
	t.Helper()
	conn := f.connect(t, subdomain)
	if _, err := conn.Exec(t.Context(), "BEGIN; LOCK TABLE "+table+" IN SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

// awaitWaiting waits until a statement of the tenant's waits for a lock.
func (f *faulty) awaitWaiting(t *testing.T, subdomain string) {
	t.Helper()
	conn := f.connect(t, subdomain)
	wait.Until(t, "a statement that waits", func() (waits bool) {
		err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		return waits
	})
}

// connect connects to the tenant's database as a superuser, past the proxy, until the test ends.
func (f *faulty) connect(t *testing.T, subdomain string) *pgx.Conn {
	t.Helper()
	tenant, err := f.Manager().Get(t.Context(), subdomain)
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(pgcluster.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	config.Database = tenant.Database
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// TestMasterAway takes the master away while tenants are written to. They are served, unknown ones get 503 with
// Retry-After, and once the master is back the truth.
func TestMasterAway(t *testing.T) {
	t.Parallel()
	move := func(t *testing.T, files []string, from, to string) {
		for _, file := range files {
			if err := os.Rename(file+from, file+to); err != nil {
				t.Error(err)
			}
		}
	}
	for name, start := range map[string]func(t *testing.T) (f *faulty, away, back func()){
		"sqlite": func(t *testing.T) (*faulty, func(), func()) {
			f := newFaultySQLite(t)
			files, err := filepath.Glob(filepath.Join(f.dir, "master.db*"))
			if err != nil {
				t.Fatal(err)
			}
			return f, func() { move(t, files, "", ".away") }, func() { move(t, files, ".away", "") }
		},
		"postgres": func(t *testing.T) (*faulty, func(), func()) {
			f := newFaulty(t)
			server := tenants.Server{Name: "disk", Labels: map[string]string{}}
			if err := f.AddServer(t.Context(), server, "sqlite:"+t.TempDir()); err != nil {
				t.Fatal(err)
			}
			f.create(t, "acme", "disk")
			f.create(t, "globex", "disk")
			return f, f.proxy.Swallow, f.proxy.Release
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, away, back := start(t)
			w := f.write("acme", "globex")
			w.expectWork(t, 5)
			away()
			wait.Until(t, "503 for unknown tenants", func() bool {
				r := f.ask(http.MethodGet, "unknown", "/", "")
				return r.Code == http.StatusServiceUnavailable && r.Header().Get("Retry-After") != ""
			})
			w.expectWork(t, 10)
			back()
			wait.Until(t, "an answer of the master", func() bool { return f.ask(http.MethodGet, "unknown", "/", "").Code == http.StatusNotFound })
			w.expectWork(t, 5)
			w.end(t, 0)
		})
	}
}
