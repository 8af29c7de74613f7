//go:build unix && !solaris && !aix

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// hasFlock says that others see whether a file is locked.
const hasFlock = true

// lockFile locks f until it is closed, which the kernel does when the process
// ends. A lock of flock(2) belongs to the open file: unlike POSIX locks it
// stays when the process closes another descriptor of the same file. It
// waits for those who are just asking.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// isFree reports whether no process has locked the file. It asks for a shared
// lock, so that two callers don't disturb each other.
func isFree(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
