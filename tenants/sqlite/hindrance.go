package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"tenantry/tenants"
)

// hindered puts in place of SQLite's error, which says that a file can't be
// opened, what keeps this program from it: SQLite writes beside a database even
// to read it. Other errors stay.
func hindered(path string, err error) error {
	switch resultCode(err) & 0xff {
	case codePerm, codeReadOnly, codeIOErr, codeCantOpen:
	default:
		return err
	}
	if cause := hindrance(path); cause != nil {
		return cause
	}
	return err
}

// leastFree is what SQLite needs on the disk to open a database in WAL mode: a
// -shm file of 32 KiB, and the first page of -wal.
const leastFree = 36 << 10

// hindrance is what keeps this program from writing to a database, or nil. A
// -shm file that was made while the database was read-only stays so afterwards.
func hindrance(path string) error {
	for i, needed := range []string{filepath.Dir(path), path, path + "-wal", path + "-shm"} {
		if cause := writable(needed); cause != nil && (i < 2 || !errors.Is(cause, fs.ErrNotExist)) {
			return fmt.Errorf("%w: this program must be able to write to %s: %w", tenants.ErrUnavailable, needed, cause)
		}
	}
	dir := filepath.Dir(path)
	if free, _, err := freeSpace(dir); err == nil && free < leastFree {
		return fmt.Errorf("%w: the disk of %s has %d bytes left", tenants.ErrFull, dir, free)
	}
	return nil
}
