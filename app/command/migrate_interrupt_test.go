//go:build unix

package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
)

// TestMigrateIsInterrupted sends SIGINT to a run in the pause between two waves.
func TestMigrateIsInterrupted(t *testing.T) {
	t.Parallel()
	s := newSQLite(t)
	for i := range 3 {
		s.must(t, "tenant", "create", fmt.Sprintf("t%d", i))
		s.setVersion(t, fmt.Sprintf("t%d", i), latest(t)-1)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "migrate", "up", "--waves", "1", "--pause", "1h", "--json")
	cmd.Env = append(s.environ, envMain+"=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe() // open as long as this process is
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first wave has ended", func() bool {
		runs := only[document.List[fleet.Run]](t, s.must(t, "migrate", "runs", "--json")).Items
		return len(runs) == 1 && runs[0].Migrated == 1
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(stderr.String(), "migrate up --resume") {
		t.Errorf("%v, %s", err, &stderr)
	}
	if run := only[migrated](t, stdout.String()); run.State != tenants.RunStopped || run.Migrated != 1 || run.Reason == "" {
		t.Errorf("the run is %+v", run)
	}
	if run := only[migrated](t, s.must(t, "migrate", "up", "--resume", "--json")); run.State != tenants.RunDone || run.Migrated != 3 {
		t.Errorf("resumed: %+v", run)
	}
}
