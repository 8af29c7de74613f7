//go:build unix

package bucket_test

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tenantry/tenants/bucket"
)

// TestFullFolder: a folder without room says so, keeps what it had, and holds nothing half. The room is what a process
// of its own may write to a file.
func TestFullFolder(t *testing.T) {
	t.Parallel()
	const variable = "TENANTRY_TEST_FULL_FOLDER"
	dir := os.Getenv(variable)
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFullFolder$")
		cmd.Env = append(os.Environ(), variable+"="+t.TempDir())
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1000, Max: 1000}); err != nil {
		t.Fatal(err)
	}
	b, err := bucket.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, b, "a/b", "whole")
	if err := b.Put(t.Context(), "a/b", strings.NewReader(strings.Repeat("x", 1001))); !errors.Is(err, bucket.ErrFull) {
		t.Errorf("got %v", err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "a"))
	if got := get(t, b, "a/b"); got != "whole" || len(files) != 1 || err != nil {
		t.Errorf("it has %q, and there are %v, %v", got, files, err)
	}
}
