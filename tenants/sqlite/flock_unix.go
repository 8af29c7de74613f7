//go:build unix && !solaris && !aix

package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// hasFlock is true because other processes can see whether a file is locked.
const hasFlock = true

// lockFile locks f until it is closed; the kernel closes it when the process ends. A flock(2) lock
// belongs to the open file: unlike a POSIX lock it remains when the process closes another descriptor
// of the same file. lockFile waits for processes that are in isFree.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX) }

// isFree reports whether no process has locked the file. It tries a shared lock, so that two callers
// don't disturb each other.
func isFree(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// TryLock locks f until it is closed, for this process and others. Returns false if it is locked already, also through
// another descriptor of this process.
func TryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
