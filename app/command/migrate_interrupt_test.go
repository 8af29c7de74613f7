//go:build unix

package command

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants"
	"tenantry/tenants/document"
	"tenantry/tenants/fleet"
	"tenantry/tenants/tenantstest/wait"
)

// TestMigrateIsInterrupted sends SIGINT to a run in the pause between two waves. The command alone goes on with it, and it
// keeps its settings; for other tenants, it says what to type.
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
	cmd := exec.CommandContext(t.Context(), self, "migrate", "up", "--waves", "1", "--pause", "1h", "--keep-copies", "--parallel", "2", "--except", "t0", "--json")
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
	wait.Until(t, "the end of the first wave", func() bool {
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
	if r := s.run(t, "migrate", "up", "--tenant", "t0"); r.status != exitFailed || !strings.Contains(r.stderr, "--resume") || !strings.Contains(r.stderr, "--abandon") {
		t.Errorf("for another tenant: status %d, %s", r.status, r.stderr)
	}
	run := only[migrated](t, s.must(t, "migrate", "up", "--pause", "1ms", "--json"))
	if run.State != tenants.RunDone || run.Migrated != 2 {
		t.Errorf("gone on with: %+v", run)
	}
	runs := only[document.List[fleet.Run]](t, s.must(t, "migrate", "runs", "--json")).Items
	if len(runs) != 1 || runs[0].ID != run.Run || runs[0].Copies != 2 || runs[0].Plan.Parallel != 2 || runs[0].Plan.PauseSeconds != 1 || !slices.Equal(runs[0].Waves, []int{1, 1}) {
		t.Errorf("the runs are %+v", runs)
	}
}
