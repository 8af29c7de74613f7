//go:build unix

package sqlite

import "syscall"

// checkWritable returns an error if this process can't write to a file or folder.
func checkWritable(path string) error {
	const write = 2 // W_OK
	return syscall.Access(path, write)
}
