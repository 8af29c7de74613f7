package pgcluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed pgbouncer.sh
var bouncerScript string

// Bouncer is a PgBouncer in transaction mode in front of a server. Only the test's goroutine may call its methods.
type Bouncer struct {
	t       testing.TB
	server  string // URL of a superuser
	program string
	dir     string
	process *exec.Cmd
	alive   io.Closer // ends the process
}

// NewBouncer configures a PgBouncer that has at most a number of connections to the server of a superuser's URL, for all
// databases together. It is removed when the test ends. Without PgBouncer it skips the test, or fails it if TENANTRY_TEST_REQUIRE
// requires "pgbouncer".
func NewBouncer(t testing.TB, server string, connections int) *Bouncer {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	switch {
	case err != nil && strings.Contains(os.Getenv(EnvRequire), "pgbouncer"):
		t.Fatalf("%s requires PgBouncer: %v", EnvRequire, err)
	case err != nil:
		t.Skipf("skipped without PgBouncer: %v; install Debian's package pgbouncer", err)
	}
	parent := os.TempDir()
	if len(parent) > 70 { // the path of a socket has at most 107 bytes
		parent = "/tmp"
	}
	b := &Bouncer{t: t, server: server, program: program}
	if b.dir, err = os.MkdirTemp(parent, "pgbouncer"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.remove)
	at, err := pgx.ParseConfig(server)
	if err != nil {
		t.Fatal("the server's URL can't be read")
	}
	b.write("userlist.txt", "")
	b.write("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %[3]s
pidfile = %[3]s/pid
auth_type = scram-sha-256
auth_file = %[3]s/userlist.txt
pool_mode = transaction
default_pool_size = %[4]d
max_client_conn = 400
server_login_retry = 0.1
`, at.Host, at.Port, b.dir, connections))
	return b
}

// write writes a file that PgBouncer can read.
func (b *Bouncer) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	err := os.WriteFile(path, []byte(text), 0o600)
	attributes, failure := unprivileged()
	if err = errors.Join(err, failure); err == nil && attributes.Credential != nil {
		uid, gid := int(attributes.Credential.Uid), int(attributes.Credential.Gid)
		err = errors.Join(os.Chown(b.dir, uid, gid), os.Chown(path, uid, gid))
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// URL returns the URL of a database, without a user.
func (b *Bouncer) URL(database string) string {
	return "postgres:///" + database + "?port=6432&host=" + b.dir
}

// Start starts PgBouncer, which lets a role in with the password that it has on the server.
func (b *Bouncer) Start(role string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, b.server)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close(ctx)
	var line string
	err = conn.QueryRow(ctx, `SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid WHERE rolname = $1`, role).Scan(&line)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write("userlist.txt", line+"\n")
	b.start()
}

// Restart ends PgBouncer at once, with all its connections, and starts it again.
func (b *Bouncer) Restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

func (b *Bouncer) start() {
	b.t.Helper()
	attributes, err := unprivileged()
	if err != nil {
		b.t.Fatal(err)
	}
	b.process = exec.Command("sh", "-c", bouncerScript, "pgbouncer", b.program, b.dir)
	b.process.Dir, b.process.SysProcAttr = "/", attributes
	if b.alive, err = b.process.StdinPipe(); err == nil {
		err = b.process.Start()
	}
	if err != nil {
		b.t.Fatalf("start PgBouncer: %v", err)
	}
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(b.dir, ".s.PGSQL.6432")); err == nil {
			return
		}
		if time.Since(begun) > 30*time.Second {
			b.t.Fatalf("PgBouncer doesn't listen: %s", b.lastWords())
		}
	}
}

// stop ends PgBouncer, which removes its socket.
func (b *Bouncer) stop() {
	if b.process != nil {
		_ = b.alive.Close()
		_ = b.process.Wait() // its status doesn't matter
		b.process = nil
	}
}

func (b *Bouncer) remove() {
	b.stop()
	if b.t.Failed() {
		b.t.Logf("PgBouncer's last words:\n%s", b.lastWords())
	}
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Error(err)
	}
}

func (b *Bouncer) lastWords() string {
	log, _ := os.ReadFile(filepath.Join(b.dir, "log"))
	return string(log[max(0, len(log)-2000):])
}
