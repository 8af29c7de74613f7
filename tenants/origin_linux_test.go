package tenants

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants/tenantstest/wait"
)

// startCat starts a process that runs until it is killed or the test ends.
func startCat(t *testing.T) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	child := exec.CommandContext(t.Context(), "cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, bufio.NewReader(stdout)
}

// TestOriginTellsThatAProcessHasEnded: a killed process has ended, also before its parent has taken note. A process that runs
// or is stopped has not, and of processes on other machines nothing is known.
func TestOriginTellsThatAProcessHasEnded(t *testing.T) {
	t.Parallel()
	own := ownOrigin()
	words := strings.Fields(own)
	if len(words) != 5 {
		t.Fatalf("the origin of this process is %q", own)
	}
	if hasEnded(own) {
		t.Error("this process has ended")
	}
	with := func(i int, word string) string {
		changed := append([]string(nil), words...)
		changed[i] = word
		return strings.Join(changed, " ")
	}
	for origin, want := range map[string]bool{
		with(4, "1"): true, // its id is another process's now
		"":           false, "1 2 3 4 5": false, with(3, "-1"): false, own + " more": false,
	} {
		if hasEnded(origin) != want {
			t.Errorf("%q: has ended is %t", origin, !want)
		}
	}

	child, stdout := startCat(t)
	origin := originOf(child.Process.Pid)
	if err := child.Process.Signal(syscall.SIGSTOP); err != nil || hasEnded(origin) {
		t.Errorf("%v; a stopped process has ended", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = stdout.ReadByte() // ends when the kernel has closed its files
	wait.Until(t, "the end of a killed process that its parent hasn't waited for", func() bool { return hasEnded(origin) })
	_ = child.Wait()
	if !hasEnded(origin) {
		t.Error("a killed process has not ended")
	}
	for i, name := range []string{"start of the kernel", "host", "namespace"} {
		other := strings.Fields(origin)
		other[i] += "x"
		if hasEnded(strings.Join(other, " ")) {
			t.Errorf("a process of another %s has ended", name)
		}
	}
}
