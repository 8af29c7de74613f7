package pgcluster

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tenantry/tenants/tenantstest/wait"
)

// These make a child process of this test binary the one that owns a server,
// or that has none.
const (
	envOwner   = "PGCLUSTER_TEST_OWNER"
	envSkipper = "PGCLUSTER_TEST_SKIPPER"
)

func TestURL(t *testing.T) {
	t.Parallel()
	if got := query(t, URL(t), "SELECT current_database()"); got != "postgres" {
		t.Errorf("current database %q", got)
	}
	if first, second := URL(t), URL(t); first != second {
		t.Error("two servers for one process")
	}
	may := query(t, URL(t), "SELECT rolcreatedb AND rolcreaterole FROM pg_roles WHERE rolname = current_user")
	if may != "true" {
		t.Errorf("may create databases and roles: %s", may)
	}
}

func TestDatabaseIsNewEmptyAndDropped(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("owner", func(t *testing.T) {
		u := Database(t)
		name = query(t, u, "SELECT current_database()")
		if tables := query(t, u, "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"); tables != "0" {
			t.Errorf("%s tables in a new database", tables)
		}
		if u == Database(t) {
			t.Error("the same database twice")
		}
	})
	if left := query(t, URL(t), "SELECT count(*)::text FROM pg_database WHERE datname = '"+name+"'"); left != "0" {
		t.Errorf("database %s was left behind", name)
	}
}

func TestServerSettings(t *testing.T) {
	t.Parallel()
	c := New(t)
	for setting, want := range map[string]string{
		"server_encoding":     "UTF8",
		"lc_collate":          "C",
		"password_encryption": "scram-sha-256",
		"listen_addresses":    "",
		"fsync":               fsync(),
	} {
		if got := query(t, c.URL(), "SELECT setting FROM pg_settings WHERE name = '"+setting+"'"); got != want && got != "missing" {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
}

func TestServerRefusesWrongPassword(t *testing.T) {
	t.Parallel()
	c := New(t)
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("postgres", "wrong")
	if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was accepted")
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	c := New(t)
	conn, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept (n int)"); err != nil {
		t.Fatal(err)
	}

	c.Stop()
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("a connection outlived Stop")
	}
	if _, err := pgx.Connect(t.Context(), c.URL()); err == nil {
		t.Error("connected to a stopped server")
	}

	c.Start()
	if got := query(t, c.URL(), "SELECT count(*)::text FROM kept"); got != "0" {
		t.Errorf("count %q after a restart", got)
	}
}

func TestStandbyHasWhatThePrimaryAcknowledged(t *testing.T) {
	t.Parallel()
	primary := New(t)
	standby := primary.Standby()
	primary.AwaitStandby()
	execute(t, primary.URL(), "CREATE TABLE kept (n int)")
	execute(t, primary.URL(), "INSERT INTO kept VALUES (1)")
	if got := query(t, standby.URL(), "SELECT pg_is_in_recovery()"); got != "true" {
		t.Errorf("in recovery: %s", got)
	}
	primary.Stop()
	standby.Promote()
	execute(t, primary.URLWith(standby), "INSERT INTO kept VALUES (2)")
	if got := query(t, standby.URL(), "SELECT count(*)::text FROM kept"); got != "2" {
		t.Errorf("%s rows", got)
	}
}

func TestNewIsRemovedAfterTheTest(t *testing.T) {
	t.Parallel()
	var dir string
	t.Run("owner", func(t *testing.T) { dir = folder(t, New(t).URL()) })
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat %s after the test: %v", dir, err)
	}
}

// TestWithoutPostgres skips a child process' test, or fails it where Postgres is
// required.
func TestWithoutPostgres(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for require, want := range map[string]string{
		"":                 "--- SKIP: TestSkipper",
		"browser":          "--- SKIP: TestSkipper",
		"browser,postgres": "--- FAIL: TestSkipper",
	} {
		cmd := exec.Command(self, "-test.run=^TestSkipper$", "-test.v")
		cmd.Env = append(os.Environ(), envSkipper+"=1", EnvRequire+"="+require)
		output, _ := cmd.CombinedOutput() // it exits with 1 where the test fails
		for _, part := range []string{want, "no binaries", "install PostgreSQL", EnvURL} {
			if !strings.Contains(string(output), part) {
				t.Errorf("%s=%q: no %q in %s", EnvRequire, require, part, output)
			}
		}
	}
}

// TestSkipper is no test: TestWithoutPostgres runs it.
func TestSkipper(t *testing.T) {
	if os.Getenv(envSkipper) != "" {
		skip(t, errors.New("no binaries"))
	}
}

// TestServerEndsWithItsOwner ends processes that own a server in several ways,
// and expects the server and its folder to go each time.
func TestServerEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	if _, err := programs(); err != nil {
		skip(t, err)
	}
	ends := map[string]func(*owner) error{
		"killed":      func(o *owner) error { return o.cmd.Process.Kill() },
		"interrupted": func(o *owner) error { return syscall.Kill(-o.cmd.Process.Pid, syscall.SIGINT) },
		"panicked":    func(o *owner) error { return o.stdin.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			owner := startOwner(t)
			postmaster := postmasterOf(t, owner.dir)
			if err := end(owner); err != nil {
				t.Fatal(err)
			}
			owner.cmd.Wait()
			wait.Until(t, "the server to stop", func() bool { return !alive(postmaster) })
			wait.Until(t, "the folder to go", func() bool {
				_, err := os.Stat(owner.dir)
				return errors.Is(err, fs.ErrNotExist)
			})
		})
	}
}

// TestOwner is no test: it is the process that TestServerEndsWithItsOwner ends.
func TestOwner(t *testing.T) {
	if os.Getenv(envOwner) == "" {
		return
	}
	os.Stdout.WriteString("server " + URL(t) + "\n")
	io.Copy(io.Discard, os.Stdin)
	panic("standard input was closed")
}

// owner is a process that runs TestOwner.
type owner struct {
	cmd   *exec.Cmd
	stdin io.Closer
	dir   string // of its server
}

// startOwner starts an owner in a process group of its own.
func startOwner(t *testing.T) *owner {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, "-test.run=^TestOwner$")
	cmd.Env = append(os.Environ(), envOwner+"=1", EnvURL+"=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if u, ok := strings.CutPrefix(lines.Text(), "server "); ok {
			return &owner{cmd: cmd, stdin: stdin, dir: folder(t, u)}
		}
	}
	t.Fatal("the child process started no server")
	return nil
}

func folder(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

func postmasterOf(t *testing.T, dir string) int {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || !alive(pid) {
		t.Fatalf("postmaster %q, alive: %t, %v", first, alive(pid), err)
	}
	return pid
}

// alive tells whether the process runs. A zombie, which its parent has not
// waited for yet, doesn't.
func alive(pid int) bool {
	if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err == nil {
		_, state, _ := strings.Cut(string(stat), ") ")
		return !strings.HasPrefix(state, "Z")
	}
	return syscall.Kill(pid, 0) == nil
}

func query(t *testing.T, server, statement string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var value any
	err = conn.QueryRow(t.Context(), statement).Scan(&value)
	if errors.Is(err, pgx.ErrNoRows) {
		return "missing"
	}
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	switch value := value.(type) {
	case bool:
		return strconv.FormatBool(value)
	case string:
		return value
	}
	t.Fatalf("%s gave a %T", statement, value)
	return ""
}
