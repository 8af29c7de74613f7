package command

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	if r := (site{}).run(t, "help"); r.status != exitDone || !strings.Contains(r.stdout, "tenants\tThe life of a tenant\n") {
		t.Errorf("%d %q %q", r.status, r.stdout, r.stderr)
	}
	if r := (site{}).run(t, "help", "tenants"); r.status != exitDone || !strings.HasPrefix(r.stdout, "# The life of a tenant\n") {
		t.Errorf("%d %.100q %q", r.status, r.stdout, r.stderr)
	}
	if r := (site{}).run(t, "help", "nonsense"); r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, "the chapters are backup, console, ") {
		t.Errorf("%d %q %q", r.status, r.stdout, r.stderr)
	}
	if r := (site{}).run(t, "--version"); r.status != exitDone || r.stdout != (site{}).run(t, "version").stdout {
		t.Errorf("%d %q %q", r.status, r.stdout, r.stderr)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"key n": {"new"}, "tenant re": {"resume", "rename", "restore", "release", "reserved"}, "tenant domain ": {"add", "verify", "remove", "list"},
		"tenant create --admin": {"--admin-email", "--admin-password-stdin"}, "doctor --data": {"--data-dir", "--database-url"}, "compl": {"completion"}, "nonsense x": nil,
	} {
		r := (site{}).run(t, append([]string{"complete", "--"}, strings.Split(line, " ")...)...)
		if got := strings.Fields(r.stdout); r.status != exitDone || !slices.Equal(got, want) {
			t.Errorf("%q becomes %q, want %q; %s", line, got, want, r.stderr)
		}
	}
}

// TestCompletionScripts has the shells that are here read their scripts.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		r := (site{}).run(t, "completion", shell)
		if r.status != exitDone || !strings.Contains(r.stdout, "tenantry complete -- ") {
			t.Errorf("%s: %d %q %q", shell, r.status, r.stdout, r.stderr)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		check := exec.CommandContext(t.Context(), path, "-n")
		check.Stdin = strings.NewReader(r.stdout)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}
