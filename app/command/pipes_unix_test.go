//go:build unix

package command

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// piped runs the program with both outputs in pipes, of which readers may close
// their ends. It returns once the program has started.
func (s site) piped(t *testing.T, args ...string) (cmd *exec.Cmd, stdout, stderr *os.File) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(slices.Clone(s.environ), envMain+"=1")
	if _, err := cmd.StdinPipe(); err != nil { // open as long as this process is
		t.Fatal(err)
	}
	var ends [2]*os.File
	for i, output := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer writer.Close()
		t.Cleanup(func() { _ = reader.Close() }) // the test may have
		*output, ends[i] = writer, reader
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, ends[0], ends[1]
}

// TestReadersOfTheLogGo closes the reading ends of a server's outputs, before
// it has written and later.
func TestReadersOfTheLogGo(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := newSQLite(t)
			s.create(t, "acme")
			cmd, stdout, stderr := s.piped(t, append(serveArgs(nil), "--log-level=debug", "--log-format="+format)...)
			if err := stderr.Close(); err != nil {
				t.Fatal(err)
			}
			srv := &server{site: s}
			srv.waitUntilListening(t, stdout)
			if err := stdout.Close(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if r := srv.as(t, "", "GET", "acme", "/api/me", ""); r.status != http.StatusUnauthorized {
					t.Errorf("%d %s", r.status, r.body)
				}
			}
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("the server ended with %v", err)
			}
		})
	}
}

// TestServeWithClosedOutput starts a server whose standard output is closed
// from the start.
func TestServeWithClosedOutput(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	port := freePort(t)
	cmd, stdout, _ := s.piped(t, "serve", fmt.Sprintf("--addr=127.0.0.1:%d", port), "--operator-addr=127.0.0.1:0", "--log-level=error")
	if err := stdout.Close(); err != nil {
		t.Fatal(err)
	}
	srv := &server{site: s, public: fmt.Sprintf("127.0.0.1:%d", port)}
	wait.Until(t, "the server to answer", func() bool {
		r, err := http.Get("http://" + srv.public + "/healthz")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// TestCommandsWithClosedOutput runs commands whose outputs are closed from the
// start. They do their work, and their status reports it.
func TestCommandsWithClosedOutput(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	s.create(t, "acme")
	s.create(t, "globex")
	for _, test := range []struct {
		args   string
		status int
	}{
		{"tenant list", exitDone},
		{"tenant list --json", exitDone},
		{"tenant list --limit=1", exitDone},
		{"tenant show acme", exitDone},
		{"tenant create initech", exitDone},
		{"migrate up", exitDone},
		{"seed hooli", exitUsage},
		{"doctor", exitDone},
		{"key new", exitDone},
		{"version", exitDone},
		{"--help", exitDone},
		{"tenant show nobody", exitFailed},
		{"tenant show --nonsense", exitUsage},
	} {
		t.Run(test.args, func(t *testing.T) {
			cmd, stdout, stderr := s.piped(t, strings.Fields(test.args)...)
			if err := stdout.Close(); err != nil {
				t.Fatal(err)
			}
			said, err := io.ReadAll(stderr)
			if err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the status tells
			if status := cmd.ProcessState.ExitCode(); status != test.status || strings.Contains(string(said), "pipe") {
				t.Errorf("%v, want status %d; stderr: %s", cmd.ProcessState, test.status, said)
			}
		})
	}
	if r := s.run(t, "tenant", "show", "initech"); r.status != exitDone {
		t.Errorf("the command whose output nobody read did nothing: %s", r.stderr)
	}
}

// freePort is a port on which nothing listened a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
