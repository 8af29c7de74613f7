//go:build unix

package sqlite

import "syscall"

// writable is why this process can't write to a file or folder, or nil.
func writable(path string) error {
	const write = 2 // W_OK
	return syscall.Access(path, write)
}
