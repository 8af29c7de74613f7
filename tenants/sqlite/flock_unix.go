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

// isFree tells whether nobody has locked the file. Two who ask at once don't
// get in each other's way, since both ask for a shared lock.
func isFree(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
