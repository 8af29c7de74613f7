//go:build unix

package sqlite

import "syscall"

// writable returns an error if this process can't write to a file or folder.
func writable(path string) error {
	const write = 2 // W_OK
	return syscall.Access(path, write)
}
