package sqlite

import (
	"fmt"
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
	for _, needed := range []string{filepath.Dir(path), path} {
		if cause := writable(needed); cause != nil {
			return fmt.Errorf("%w: this program must be able to write to %s: %w", tenants.ErrUnavailable, needed, cause)
		}
	}
	return err
}
