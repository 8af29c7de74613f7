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

// Trash and Untrash move a database between tenants/ and trash/ file by file, and the process may die
// in between. So the database itself leaves tenants/ first and returns last: while it is there, where it
// can be opened, its sidecars are beside it. If it were opened without its -wal, the commits in the -wal
// would be lost for good.

// trashName returns the path of the tenant's file in the trash. fileName has checked t.Database.
func trashName(t *tenants.Tenant) string { return filepath.Join(trashDir, t.Database) }

// Trash moves the tenant's file into trash/, then its sidecars.
func (e *Engine) Trash(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.checkOneCopy(ctx, name, trashed)
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

// Untrash moves the sidecars back, then the file.
func (e *Engine) Untrash(ctx context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.checkOneCopy(ctx, name, trashed)
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

// checkOneCopy returns an error unless exactly one of the two files exists, or both with the same content,
// which a process that died while copying leaves behind.
func (e *Engine) checkOneCopy(ctx context.Context, name, trashed string) error {
	live, err := e.files.exists(name)
	if err != nil {
		return err
	}
	kept, err := e.files.exists(trashed)
	switch {
	case err != nil:
		return err
	case live && kept:
		return e.checkSame(ctx, name, trashed)
	case !live && !kept:
		return fmt.Errorf("%w: %w: the file is missing, from %s too", tenants.ErrUnavailable, tenants.ErrNoDatabase, trashDir)
	}
	return nil
}

// checkSame returns ErrUnavailable if the files differ.
func (e *Engine) checkSame(ctx context.Context, one, other string) error {
	same, err := e.sameFiles(ctx, one, other)
	if err == nil && !same {
		err = fmt.Errorf("%w: exists are both %s and %s, with different content; move one of them to another folder", tenants.ErrUnavailable, one, other)
	}
	return err
}

// checkNotTrashed returns ErrUnavailable if the tenant's file is in the trash: a new file could pick up
// sidecars that the old one left.
func (e *Engine) checkNotTrashed(t *tenants.Tenant) error {
	kept, err := e.files.exists(trashName(t))
	if err == nil && kept {
		err = fmt.Errorf("%w: it is in the trash", tenants.ErrUnavailable)
	}
	return fileError(err)
}

// moveSidecars moves the sidecars of one file to those of another.
func (e *Engine) moveSidecars(ctx context.Context, from, to string) error {
	for _, suffix := range sidecars() {
		if err := e.move(ctx, from+suffix, to+suffix); err != nil {
			return err
		}
	}
	return nil
}

// move moves a file if it exists. It never replaces another file. The move is durable when move returns.
func (e *Engine) move(ctx context.Context, from, to string) error {
	exists, err := e.files.exists(from)
	if err != nil || !exists {
		return err
	}
	taken, err := e.files.exists(to)
	if err != nil {
		return err
	}
	if taken {
		if err := e.checkSame(ctx, from, to); err != nil {
			return err
		}
		return e.removeDurably(from)
	}
	err = e.files.rename(from, to)
	switch {
	case errors.Is(err, syscall.EXDEV):
		return e.moveAcross(ctx, from, to)
	case errors.Is(err, fs.ErrNotExist):
		exists, err = e.files.exists(from)
		if err == nil && exists {
			err = fmt.Errorf("%w: exists is no folder %s", tenants.ErrUnavailable, filepath.Dir(to))
		}
		return err // nil if another process moved it meanwhile
	case err != nil:
		return err
	}
	return errors.Join(e.files.sync(filepath.Dir(to)), e.files.sync(filepath.Dir(from)))
}
