package command

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"tenantry/app"
	"tenantry/tenants"
	"tenantry/tenants/seal"
	"tenantry/tenants/tenantstest/pgcluster"
)

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		os.Exit(program())
	}
	os.Exit(m.Run())
}

// patience bounds what a test waits for. It is no expectation of speed.
const patience = time.Minute

// site is an installation: a master with its tenants, and the environment that
// selects it.
type site struct {
	environ []string
	dir     string    // the data folder
	tokens  *sync.Map // sessions of create's admins by subdomain
	txt     *records  // what owners of domains publish
	// interrupt is Process's, for what runs in this process.
	interrupt func(point string)
	// options and commands are those of another application than the work tracker.
	options  app.Options
	commands []any
}

// newSQLite returns an empty SQLite installation.
func newSQLite(t *testing.T) site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	return site{dir: dir, environ: []string{"PATH=" + os.Getenv("PATH"), "TENANTRY_DATA_DIR=" + dir}, tokens: &sync.Map{}, txt: &records{}}
}

// newPostgres returns an empty Postgres installation. Its databases are dropped
// when the test ends.
func newPostgres(t *testing.T) site {
	t.Helper()
	s := onPostgres(t, pgcluster.Database(t))
	t.Cleanup(func() { s.dropTenants(t) })
	return s
}

// onPostgres returns an installation whose master is the database at url.
func onPostgres(t *testing.T, url string) site {
	t.Helper()
	s := newSQLite(t)
	s.environ = append(s.environ, "TENANTRY_DATABASE_URL="+url, "TENANTRY_SECRET_KEY="+seal.GenerateKey())
	return s
}

// each runs f on an installation of each engine.
func each(t *testing.T, f func(t *testing.T, s site)) {
	t.Helper()
	for name, make := range map[string]func(*testing.T) site{"sqlite": newSQLite, "postgres": newPostgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, make(t))
		})
	}
}

// config returns the configuration that the installation's environment gives.
func (s site) config(t *testing.T, args ...string) app.Config {
	t.Helper()
	c, err := s.parsed(args...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s site) parsed(args ...string) (app.Config, error) {
	var line commandLine
	_, err := line.parse(Process{Args: append(args, "version"), Environ: s.environ})
	return line.Config, err
}

// appOptions are the application's options in this process.
func (s site) appOptions() app.Options {
	o := s.options
	o.Log, o.Resolver, o.Interrupt = slog.New(slog.DiscardHandler), s.txt, s.interrupt
	return o
}

// open opens the installation in this process. It is closed when the test ends.
func (s site) open(t *testing.T, args ...string) *app.App {
	t.Helper()
	c := s.config(t, args...)
	a, err := app.New(t.Context(), c, s.appOptions())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// install makes an installation without tenants.
func (s site) install(t *testing.T) {
	t.Helper()
	a, err := app.New(t.Context(), s.config(t), s.appOptions())
	if err == nil {
		err = a.Close(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (s site) dropTenants(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	a, err := app.New(ctx, s.config(t), s.appOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close(ctx)
	page, _, err := a.Manager().List(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range page {
		if page[i].Server != tenants.DefaultServer {
			continue // it ends with its test
		}
		if err := engineOf(a).Drop(ctx, &page[i]); err != nil {
			t.Error(err)
		}
	}
}

// files are the names of all files and folders in the data folder, but for
// those that SQLite keeps beside an open database.
func (s site) files(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if !strings.HasSuffix(path, "-wal") && !strings.HasSuffix(path, "-shm") {
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// result is the outcome of a command.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a command in this process, with nothing on standard input.
func (s site) run(t *testing.T, args ...string) result {
	t.Helper()
	return s.pipe(t, "", args...)
}

// pipe runs a command in this process.
func (s site) pipe(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr buffer
	status := Main(t.Context(), Process{
		Args: args, Environ: s.environ, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Options: s.appOptions(), Commands: s.commands,
	})
	return result{status, stdout.String(), stderr.String()}
}

// password is that of the admins that create makes.
const password = "an admin's password"

// admin is the address of a tenant's admin that create makes.
func admin(subdomain string) string { return "admin@" + subdomain + ".example" }

// create makes a tenant with an admin, as operators do.
func (s site) create(t *testing.T, subdomain string, args ...string) {
	t.Helper()
	args = append([]string{"tenant", "create", subdomain, "--admin-email=" + admin(subdomain), "--admin-password-stdin"}, args...)
	if r := s.pipe(t, password+"\n", args...); r.status != exitDone {
		t.Fatalf("create %s: status %d, %s", subdomain, r.status, r.stderr)
	}
}

// must runs a command that has to succeed and returns its output.
func (s site) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.run(t, args...)
	if r.status != exitDone {
		t.Fatalf("tenantry %s: status %d, %s", strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}

// records are TXT records by name. They stand in for the DNS.
type records struct{ values sync.Map }

// LookupTXT returns a resolver's answer.
func (r *records) LookupTXT(_ context.Context, name string) ([]string, error) {
	value, ok := r.values.Load(name)
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return []string{"v=spf1 -all", value.(string)}, nil
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// databaseURL is the master's where it is on Postgres, else empty.
func (s site) databaseURL() string {
	for _, entry := range s.environ {
		if url, ok := strings.CutPrefix(entry, "TENANTRY_DATABASE_URL="); ok {
			return url
		}
	}
	return ""
}

// keys are what seals the site's secrets: those in the environment, else the
// generated one.
func (s site) keys(t *testing.T) *seal.Ring {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "secret.key"))
	for _, entry := range s.environ {
		if key, ok := strings.CutPrefix(entry, "TENANTRY_SECRET_KEY="); ok {
			text, err = []byte(key), nil
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.ParseKeys(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// engineOf is the engine of the default server.
func engineOf(a *app.App) tenants.Engine {
	engine, err := a.Store().Server(tenants.DefaultServer)
	if err != nil {
		panic(err) // every App has one
	}
	return engine
}

// routesOf are the routes of a handler that is a router.
func routesOf(h http.Handler) gin.RoutesInfo { return h.(*gin.Engine).Routes() }
