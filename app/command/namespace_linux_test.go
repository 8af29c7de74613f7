package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// envNamespace is set in the process that runs a test in a namespace.
const envNamespace = "TENANTRY_TEST_NAMESPACE"

const (
	// mounter may mount, for itself alone.
	mounter = 0
	// ordinary is a user without privileges: files' permissions apply to it, also
	// where the tests run as root.
	ordinary = 1000
)

// inNamespace runs the test again, as that user in a namespace of its own, and
// returns true there. Where the system has no namespaces the test is skipped.
func inNamespace(t *testing.T, user int) bool {
	t.Helper()
	if os.Getenv(envNamespace) != "" {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), envNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: user, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.ProcessState == nil:
		t.Skipf("skipped without user namespaces: %v", err)
	case err != nil:
		t.Errorf("%s", out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	}
	return false
}

// small is an installation on a disk of 8 MiB, with the means to fill the disk
// and free it again.
func small(t *testing.T) (s site, fill, free func()) {
	t.Helper()
	s = newSQLite(t)
	disk := filepath.Dir(s.dir)
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("skipped without a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) }) // it is gone with the process
	filler := filepath.Join(disk, "filler")
	fill = func() {
		f, err := os.Create(filler)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		for _, size := range []int{64 << 10, 1} {
			for err = nil; err == nil; {
				_, err = f.Write(make([]byte, size))
			}
		}
	}
	return s, fill, func() { _ = os.Remove(filler) } // it may not be there
}
