package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// ReadPrivate reads a file that holds a secret, of at most limit bytes. It waits
// for nothing, and refuses a file that may not be this user's secret alone: one
// that isn't regular, belongs to neither this user nor root, or is open to others.
// It follows a symbolic link of this user's or root's, because secrets are
// mounted that way. Windows keeps files private by other means than owners and
// modes. The error names the file and says what to do.
func ReadPrivate(path string, limit int64) ([]byte, error) {
	link, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%q is a symbolic link that leads nowhere: make or mount the file it leads to", path)
	case err == nil && !isOwn(link):
		err = othersFile(path)
	case err == nil:
		err = checkPrivate(path, info, limit)
	}
	if err != nil {
		return nil, err
	}
	file, err := openPrivate(path) // it may be another file by now
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

// checkPrivate says why a file can't hold a secret.
func checkPrivate(path string, info fs.FileInfo, limit int64) error {
	mode := info.Mode()
	switch {
	case !mode.IsRegular():
		return fmt.Errorf("%q is no regular file: move it away", path)
	case runtime.GOOS == "windows":
	case !isOwn(info):
		return othersFile(path)
	case mode.Perm()&0o077 != 0:
		return fmt.Errorf("%q is open to others (mode %04o), who may know it: run chmod 600 %q, and make a new one if others use this machine", path, mode.Perm(), path)
	}
	if info.Size() > limit {
		return tooLarge(path, limit)
	}
	return nil
}

func othersFile(path string) error {
	return fmt.Errorf("%q belongs to another user, who may know or change it: run this program as that user, or chown it", path)
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("%q is larger than %d bytes: it is no file of a secret", path, limit)
}
