package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"tenantry/tenants"
)

// explainOpen replaces SQLite's error that a file can't be opened with the cause, if findObstacle finds it:
// SQLite writes beside a database even to read it. It leaves other errors alone.
func explainOpen(path string, err error) error {
	switch resultCode(err) & 0xff {
	case codePerm, codeReadOnly, codeIOErr, codeCantOpen:
	default:
		return err
	}
	if cause := findObstacle(path); cause != nil {
		return cause
	}
	return err
}

// leastFree is the disk space that SQLite needs to open a database in WAL mode: a -shm file of 32 KiB
// and the first page of the -wal.
const leastFree = 36 << 10

// findObstacle returns why this program can't write to a database, or nil. A -shm file that was created
// while the database was read-only stays read-only afterwards.
func findObstacle(path string) error {
	for i, needed := range []string{filepath.Dir(path), path, path + "-wal", path + "-shm"} {
		if cause := checkWritable(needed); cause != nil && (i < 2 || !errors.Is(cause, fs.ErrNotExist)) {
			return fmt.Errorf("%w: this program must be able to write to %s: %w", tenants.ErrUnavailable, needed, cause)
		}
	}
	dir := filepath.Dir(path)
	if free, _, err := FreeSpace(dir); err == nil && free < leastFree {
		return fmt.Errorf("%w: the disk of %s has %d bytes left", tenants.ErrFull, dir, free)
	}
	return nil
}
