//go:build unix

package seal

import (
	"io/fs"
	"os"
	"syscall"
)

// openPrivate opens a file for reading. It doesn't wait for the writer of a named pipe.
func openPrivate(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// isOwn reports whether a file belongs to this process's user or to root, who can read it anyway.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
