package command

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// clientIsMissing reports whether sqlite3 or psql is not in the PATH. It fails the test if all engines are required.
func clientIsMissing(t *testing.T) bool {
	t.Helper()
	for _, program := range []string{"sqlite3", "psql"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if slices.Contains(strings.Split(os.Getenv("TENANTRY_TEST_REQUIRE"), ","), "postgres") {
			t.Errorf("%s is not in the PATH, and TENANTRY_TEST_REQUIRE asks for all engines", program)
		}
		return true
	}
	return false
}

// asClient returns the arguments with which the installation's client runs a statement and ends. It skips the test where the
// clients are missing.
func (s site) asClient(t *testing.T, statement string) []string {
	t.Helper()
	if clientIsMissing(t) {
		t.Skip("sqlite3 or psql is not in the PATH")
	}
	if s.onServer() {
		return []string{"--", "-Atc", statement}
	}
	return []string{"--", statement}
}

// onServer reports whether the installation's tenants are on Postgres.
func (s site) onServer() bool {
	return slices.ContainsFunc(s.environ, func(entry string) bool { return strings.HasPrefix(entry, "TENANTRY_DATABASE_URL=postgres") })
}

// shells returns how many shells of acme the ledger has.
func (s site) shells(t *testing.T, flags ...string) int {
	t.Helper()
	return strings.Count(s.must(t, append([]string{"operations", "--tenant=acme", "--kind=shell", "--no-header"}, flags...)...), "\n")
}

// TestTenantShell reads and writes through the client, beside a server.
func TestTenantShell(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.serve(t)
		shell := func(statement string, flags ...string) result {
			return s.run(t, slices.Concat([]string{"tenant", "shell", "acme"}, flags, s.asClient(t, statement))...)
		}
		const insert = "INSERT INTO projects (name, description, archived, created_at, updated_at) VALUES ('by hand', '', false, '2026-01-01', '2026-01-01')"
		for _, writes := range []string{insert, "DELETE FROM users", "CREATE TABLE t (a integer)"} {
			if r := shell(writes); r.status != exitFailed || r.stderr == "" {
				t.Errorf("%s without --write: %d %s%s", writes, r.status, r.stdout, r.stderr)
			}
		}
		if r := shell("SELECT count(*) FROM projects"); r.status != exitDone || r.stdout != "0\n" {
			t.Errorf("read: %d %s%s", r.status, r.stdout, r.stderr)
		}
		if r := shell(insert, "--write"); r.status != exitDone {
			t.Errorf("write: %d %s%s", r.status, r.stdout, r.stderr)
		}
		if r := shell("SELECT name FROM projects"); r.stdout != "by hand\n" {
			t.Errorf("read after it was written: %d %s%s", r.status, r.stdout, r.stderr)
		}
		if r := shell("INSERT INTO tasks (project_id, title) VALUES (99, 'x')", "--write"); r.status != exitFailed {
			t.Errorf("a task of no project: %d %s%s", r.status, r.stdout, r.stderr)
		}
		if all, unfinished := s.shells(t), s.shells(t, "--unfinished"); all != 7 || unfinished != 0 {
			t.Errorf("the ledger has %d shells, of which %d are unfinished", all, unfinished)
		}
		if r := s.run(t, "doctor"); r.status != exitDone {
			t.Errorf("doctor: %s%s", r.stdout, r.stderr)
		}
	})
}

// TestTenantShellThatIsRefused opens no client and records nothing.
func TestTenantShellThatIsRefused(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	for args, want := range map[string]int{"nowhere": exitFailed, "acme --json": exitUsage, "Acme!": exitFailed, "": exitUsage} {
		if r := s.run(t, append([]string{"tenant", "shell"}, strings.Fields(args)...)...); r.status != want {
			t.Errorf("%q: %d %s", args, r.status, r.stderr)
		}
	}
	if found := s.shells(t); found != 0 {
		t.Errorf("the ledger has %d shells", found)
	}
}

// TestShellThatWritesIsAlone refuses other operations while it is open.
func TestShellThatWritesIsAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.asClient(t, "")
		read, write := io.Pipe()
		ended := make(chan int)
		go func() {
			p := Process{
				Args: []string{"tenant", "shell", "acme", "--write"}, Environ: s.environ, Stdin: read, Stdout: io.Discard, Stderr: io.Discard,
				Options: s.appOptions(),
			}
			ended <- Main(t.Context(), p)
		}()
		wait.Until(t, "the shell", func() bool { return s.shells(t, "--unfinished") == 1 })
		if r := s.run(t, "tenant", "suspend", "acme"); r.status != exitFailed || !strings.Contains(r.stderr, "shell") {
			t.Errorf("suspend: %d %s%s", r.status, r.stdout, r.stderr)
		}
		write.Close()
		if got := <-ended; got != exitDone {
			t.Errorf("the shell ended with %d", got)
		}
		s.must(t, "tenant", "suspend", "acme")
	})
}

// TestShellHasNoSettings shows the client none of the program's secrets.
func TestShellHasNoSettings(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s site) {
		s.create(t, "acme")
		s.environ = append(s.environ, "TENANTRY_OPERATOR_TOKEN="+strings.Repeat("t", 40), "OTHER=seen")
		args := s.asClient(t, `\! env`)
		if !s.onServer() {
			args = s.asClient(t, ".shell env")
		}
		r := s.run(t, slices.Concat([]string{"tenant", "shell", "acme"}, args)...)
		if !strings.Contains(r.stdout, "OTHER=seen") || strings.Contains(r.stdout, "TENANTRY_") {
			t.Errorf("%d %s%s", r.status, r.stdout, r.stderr)
		}
	})
}
