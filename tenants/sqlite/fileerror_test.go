package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"tenantry/tenants"
)

// TestFileErrors: what files and folders refuse is no fault of the program's.
func TestFileErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ err, want error }{
		{&fs.PathError{Op: "openat", Path: "tenants/x.db", Err: syscall.EACCES}, tenants.ErrUnavailable},
		{&fs.PathError{Op: "write", Path: "tenants/x.db", Err: syscall.ENOSPC}, tenants.ErrFull},
		{&os.LinkError{Op: "renameat", Old: "tenants/x.db", New: "trash/x.db", Err: syscall.EACCES}, tenants.ErrUnavailable},
		{&os.LinkError{Op: "linkat", Old: "tenants/x.tmp", New: "tenants/x.db", Err: syscall.EDQUOT}, tenants.ErrFull},
	} {
		if got := fileError(c.err); !errors.Is(got, c.want) || !errors.Is(got, c.err) {
			t.Errorf("%v: got %v, want %v", c.err, got, c.want)
		}
	}
}
