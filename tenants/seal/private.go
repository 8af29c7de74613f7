package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// ReadPrivate reads a file with a secret, of at most limit bytes. It never blocks. It refuses a file
// that others may know or change: one that isn't regular, belongs to neither this user nor root, or is
// accessible to others. It follows a symbolic link that belongs to this user or root, because secrets
// are mounted that way. It doesn't check owners and modes on Windows, which protects files by other
// means. The error names the file and says what to do.
func ReadPrivate(path string, limit int64) ([]byte, error) {
	link, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%q is a symbolic link to a file that doesn't exist: make or mount that file", path)
	case err == nil && !isOwn(link):
		err = othersFile(path)
	case err == nil:
		err = checkPrivate(path, info, limit)
	}
	if err != nil {
		return nil, err
	}
	file, err := openPrivate(path) // may open another file than Stat saw, so check again
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err = file.Stat()
	if err == nil {
		err = checkPrivate(path, info, limit)
	}
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = tooLarge(path, limit)
	}
	return content, err
}

// checkPrivate returns an error if a file can't hold a secret.
func checkPrivate(path string, info fs.FileInfo, limit int64) error {
	mode := info.Mode()
	switch {
	case !mode.IsRegular():
		return fmt.Errorf("%q is not a regular file: move it away", path)
	case runtime.GOOS == "windows":
	case !isOwn(info):
		return othersFile(path)
	case mode.Perm()&0o077 != 0:
		return fmt.Errorf("%q is open to others (mode %04o), who may know the secret: run chmod 600 %q, and make a new secret if others use this machine", path, mode.Perm(), path)
	}
	if info.Size() > limit {
		return tooLarge(path, limit)
	}
	return nil
}

func othersFile(path string) error {
	return fmt.Errorf("%q belongs to another user, who may know or change it: run this program as that user, or chown the file", path)
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%q is larger than %d bytes, too large for a secret: check that it is the right file", path, limit)
}
