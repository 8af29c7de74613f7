package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tenantry/app"
)

const (
	// envMain makes this test binary the program itself, for tests that need a
	// second process.
	envMain = "TENANTRY_TEST_MAIN"
	// envKillAt names the point of an operation at which the program kills itself.
	envKillAt = "TENANTRY_TEST_KILL_AT"
	// envCancelAt names one at which it is asked to stop, as by Ctrl-C.
	envCancelAt = "TENANTRY_TEST_CANCEL_AT"
	// envTellPoints has the program write the points that it passes to standard
	// error, after pointPrefix.
	envTellPoints = "TENANTRY_TEST_TELL_POINTS"
	// envTXT is the one TXT record that the program finds, as NAME=VALUE.
	envTXT = "TENANTRY_TEST_TXT"
)

// pointPrefix begins a line with a point that was passed.
const pointPrefix = "passed the point "

// program is the program itself.
func program() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test's process
		stop()
	}()
	var published records
	if name, value, ok := strings.Cut(os.Getenv(envTXT), "="); ok {
		published.values.Store(name, value)
	}
	return Main(ctx, Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
		Options: app.Options{Resolver: &published, Interrupt: func(point string) { interrupt(point, stop) }},
	})
}

// interrupt does at a point of an operation what the environment says.
func interrupt(point string, stop func()) {
	if os.Getenv(envTellPoints) != "" {
		fmt.Fprintf(os.Stderr, "%s%s\n", pointPrefix, point)
	}
	switch point {
	case os.Getenv(envKillAt):
		die()
	case os.Getenv(envCancelAt):
		stop()
	}
}

// die ends this process as kill -9 does: nothing runs any more.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {} // until the signal arrives
}

// ended is the outcome of a process.
type ended struct {
	result
	pid    int
	killed bool // by die
}

// process runs a command as a process of its own, with more environment.
func (s site) process(t *testing.T, environ []string, args ...string) ended {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(slices.Concat(s.environ, environ), envMain+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe() // open as long as this process is
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ended{
		result: result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()},
		pid:    cmd.ProcessState.Pid(), killed: status.Signaled() && status.Signal() == syscall.SIGKILL,
	}
}
