package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"tenantry/tenants"
)

// A database moves between tenants/ and trash/ file by file, and a process may
// die between two of them. So the database itself is the first to leave
// tenants/ and the last to come back: as long as it is there, where it can be
// opened, what belongs to it lies beside it. Opened without its -wal it would
// lose what was committed there, for good.

// trashName is the tenant's file within the data folder when it is in the
// trash. The database's name was checked by fileName.
func trashName(t *tenants.Tenant) string { return filepath.Join(trashDir, t.Database) }

// Trash moves the tenant's file into trash/, then those beside it.
func (e *Engine) Trash(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.onlyOne(ctx, name, trashed)
	if err == nil {
		err = e.move(ctx, name, trashed)
	}
	if err == nil {
		err = e.moveSidecars(ctx, name, trashed)
	}
	if err != nil {
		return fmt.Errorf("trash %s: %w", name, fileError(err))
	}
	return nil
}

// Untrash moves the files beside the tenant's back, then the file itself.
func (e *Engine) Untrash(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.onlyOne(ctx, name, trashed)
	if err == nil {
		err = e.moveSidecars(ctx, trashed, name)
	}
	if err == nil {
		err = e.move(ctx, trashed, name)
	}
	if err != nil {
		return fmt.Errorf("take %s out of the trash: %w", name, fileError(err))
	}
	return nil
}

// onlyOne expects one of the two files to be there, or both with the same
// content: then a process died while it carried the file.
func (e *Engine) onlyOne(ctx context.Context, name, trashed string) error {
	live, err := e.files.exists(name)
	if err != nil {
		return err
	}
	kept, err := e.files.exists(trashed)
	switch {
	case err != nil:
		return err
	case live && kept:
		return e.expectSame(ctx, name, trashed)
	case !live && !kept:
		return fmt.Errorf("%w: %w: the file is missing, from %s too", tenants.ErrUnavailable, tenants.ErrNoDatabase, trashDir)
	}
	return nil
}

// expectSame returns ErrUnavailable for files that differ.
func (e *Engine) expectSame(ctx context.Context, one, other string) error {
	same, err := e.same(ctx, one, other)
	if err == nil && !same {
		err = fmt.Errorf("%w: there is %s and also %s; one of the two must be moved away", tenants.ErrUnavailable, one, other)
	}
	return err
}

// notTrashed returns ErrUnavailable for a tenant whose file is in the trash: a
// new one would take what the old one has left beside it for its own.
func (e *Engine) notTrashed(t *tenants.Tenant) error {
	kept, err := e.files.exists(trashName(t))
	if err == nil && kept {
		err = fmt.Errorf("%w: it is in the trash", tenants.ErrUnavailable)
	}
	return fileError(err)
}

// moveSidecars moves what lies beside one file to lie beside the other.
func (e *Engine) moveSidecars(ctx context.Context, from, to string) error {
	for _, suffix := range sidecars() {
		if err := e.move(ctx, from+suffix, to+suffix); err != nil {
			return err
		}
	}
	return nil
}

// move moves a file, if it exists, and never over another file. The move is
// durable when move returns.
func (e *Engine) move(ctx context.Context, from, to string) error {
	there, err := e.files.exists(from)
	if err != nil || !there {
		return err
	}
	taken, err := e.files.exists(to)
	if err != nil {
		return err
	}
	if taken {
		if err := e.expectSame(ctx, from, to); err != nil {
			return err
		}
		return e.leave(from)
	}
	err = e.files.rename(from, to)
	switch {
	case errors.Is(err, syscall.EXDEV):
		return e.carry(ctx, from, to)
	case errors.Is(err, fs.ErrNotExist):
		there, err = e.files.exists(from)
		if err == nil && there {
			err = fmt.Errorf("%w: there is no folder %s", tenants.ErrUnavailable, filepath.Dir(to))
		}
		return err // nil when another process was faster
	case err != nil:
		return err
	}
	return errors.Join(e.files.sync(filepath.Dir(to)), e.files.sync(filepath.Dir(from)))
}
