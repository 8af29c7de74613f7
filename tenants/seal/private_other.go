//go:build !unix

package seal

import (
	"io/fs"
	"os"
)

func openPrivate(path string) (*os.File, error) { return os.Open(path) }

func isOwn(fs.FileInfo) bool { return true }
