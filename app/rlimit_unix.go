//go:build unix

package app

import "syscall"

// openFiles is how many files the process may have open: the soft limit, which
// Go has raised to the hard one at start.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return uint64(limit.Cur) // of another type on FreeBSD
}
