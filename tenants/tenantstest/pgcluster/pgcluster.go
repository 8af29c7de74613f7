// Package pgcluster gives tests a Postgres server: the one that TENANTRY_TEST_POSTGRES_URL
// names, or else a throwaway one started from local binaries, which is removed when the test
// process ends, however it ends.
package pgcluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Environment variables that the package reads.
const (
	// EnvURL is the URL of a server to use instead of a throwaway one. Its user must be allowed
	// to create databases and roles. Its database is "postgres".
	EnvURL = "TENANTRY_TEST_POSTGRES_URL"
	// EnvRequire is a comma-separated list of tests that must not be skipped: "postgres", "patroni", "pgbouncer".
	EnvRequire = "TENANTRY_TEST_REQUIRE"
)

// shared is the process's one throwaway server. It has no owner but the
// process: its supervisor removes it when the process ends.
var shared struct {
	once   sync.Once
	server *supervisor
	err    error
}

// URL returns the URL of the "postgres" database of a Postgres server on which the user may
// create databases and roles. All tests of a process share the server. If there is no server,
// URL skips the test, or fails it if TENANTRY_TEST_REQUIRE requires Postgres. With -short, URL
// skips the test unless it is required.
func URL(t testing.TB) string {
	t.Helper()
	skipShort(t)
	if u := os.Getenv(EnvURL); u != "" {
		return u
	}
	shared.once.Do(func() { shared.server, shared.err = launch(usual()...) })
	if shared.err != nil {
		skip(t, shared.err)
	}
	return shared.server.url
}

// Database returns the URL of a new, empty database on the server of URL. Roles can't connect
// to it unless they are granted access. It is dropped when the test ends, even if connections
// to it are open.
func Database(t testing.TB) string {
	t.Helper()
	server := URL(t)
	name := "test_" + strings.ToLower(rand.Text())
	quoted := pgx.Identifier{name}.Sanitize()
	for _, statement := range []string{"CREATE DATABASE %s ALLOW_CONNECTIONS false", "REVOKE ALL ON DATABASE %s FROM PUBLIC", "ALTER DATABASE %s ALLOW_CONNECTIONS true"} {
		execute(t, server, fmt.Sprintf(statement, quoted))
	}
	t.Cleanup(func() {
		execute(t, server, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL", EnvURL)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("connect to the test server: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Cluster is a server for one test, which may stop and start it. Only the test's goroutine may
// call its methods.
type Cluster struct {
	t      testing.TB
	server *supervisor
}

// New starts a throwaway server, even if TENANTRY_TEST_POSTGRES_URL names one. It is removed
// when the test ends. Without local binaries New skips or fails the test, as URL does.
func New(t testing.TB) *Cluster {
	t.Helper()
	return NewWith(t, usual()...)
}

// usual returns initdb's options for the encoding and the locale of throwaway servers.
func usual() []string { return []string{"--encoding=UTF8", "--locale=C"} }

// NewWith is like New, with initdb's options for the encoding and the locale.
func NewWith(t testing.TB, options ...string) *Cluster {
	t.Helper()
	skipShort(t)
	server, err := launch(options...)
	if err != nil {
		skip(t, err)
	}
	t.Cleanup(server.close)
	return &Cluster{t: t, server: server}
}

// Standby starts a server that replicates the running one, until it is promoted. It is removed
// when the test ends.
func (c *Cluster) Standby() *Cluster {
	c.t.Helper()
	server, err := launchStandby(c.server)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(server.close)
	return &Cluster{t: c.t, server: server}
}

// AwaitStandby makes each COMMIT wait until a standby has written it too.
func (c *Cluster) AwaitStandby() {
	c.t.Helper()
	execute(c.t, c.URL(), "ALTER SYSTEM SET synchronous_standby_names = '*'")
	execute(c.t, c.URL(), "SELECT pg_reload_conf()")
}

// Promote makes the standby a primary. It returns when the server accepts writes.
func (c *Cluster) Promote() { c.t.Helper(); c.command("promote") }

// URLWith returns a URL that names this server and then another one, which has replicated it or
// is replicated by it.
func (c *Cluster) URLWith(other *Cluster) string {
	return urlOf(c.server.password, c.server.dir, other.server.dir)
}

// Dir returns the folder of the server, which contains its data in the folder data, its socket
// and its log.
func (c *Cluster) Dir() string { return c.server.dir }

// URL returns the server's URL, like the function URL. It doesn't change over Stop and Start.
func (c *Cluster) URL() string { return c.server.url }

// Stop cuts all connections and stops the server as a crash would. It returns when the server
// is down.
func (c *Cluster) Stop() { c.t.Helper(); c.command("stop") }

// Start restarts the stopped server. It returns when the server accepts connections.
func (c *Cluster) Start() { c.t.Helper(); c.command("start") }

func (c *Cluster) command(command string) {
	c.t.Helper()
	if err := c.server.do(command); err != nil {
		c.t.Fatal(err)
	}
}

// isRequired reports whether a test that can't run must fail.
func isRequired() bool { return strings.Contains(os.Getenv(EnvRequire), "postgres") }

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() && !isRequired() {
		t.Skip("skipped in a short run, which is on SQLite alone")
	}
}

func skip(t testing.TB, reason error) {
	t.Helper()
	const hint = "install PostgreSQL's server programs (Debian: postgresql, Homebrew: postgresql) or set " + EnvURL
	if isRequired() {
		t.Fatalf("%s requires Postgres: %v; %s", EnvRequire, reason, hint)
	}
	t.Skipf("skipped without Postgres: %v; %s", reason, hint)
}
