//go:build linux || darwin

package sqlite

import (
	"fmt"
	"syscall"
)

// FreeSpace returns the bytes that ordinary users can still use on the disk of a folder, and the size
// of the disk.
func FreeSpace(dir string) (free, total int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	block := int64(s.Bsize) // the type differs on macOS
	return int64(s.Bavail) * block, int64(s.Blocks) * block, nil
}
