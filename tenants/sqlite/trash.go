package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"tenantry/models"
	"tenantry/tenants"
)

// A database moves between tenants/ and trash/ file by file, and a process may
// die between two of them. So the database itself is the first to leave
// tenants/ and the last to come back: as long as it is there, where it can be
// opened, what belongs to it lies beside it. Opened without its -wal it would
// lose what was committed there, for good.

// trashName is the tenant's file within the data folder when it is in the
// trash. The database's name was checked by fileName.
func trashName(t *models.Tenant) string { return filepath.Join(trashDir, t.Database) }

// Trash moves the tenant's file into trash/, then those beside it.
func (e *Engine) Trash(_ context.Context, t *models.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.onlyOne(name, trashed)
	if err == nil {
		err = e.move(name, trashed)
	}
	if err == nil {
		err = e.moveSidecars(name, trashed)
	}
	if err != nil {
		return fmt.Errorf("trash %s: %w", name, fileError(err))
	}
	return nil
}

// Untrash moves the files beside the tenant's back, then the file itself.
func (e *Engine) Untrash(_ context.Context, t *models.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	trashed := trashName(t)
	err = e.onlyOne(name, trashed)
	if err == nil {
		err = e.moveSidecars(trashed, name)
	}
	if err == nil {
		err = e.move(trashed, name)
	}
	if err != nil {
		return fmt.Errorf("take %s out of the trash: %w", name, fileError(err))
	}
	return nil
}

// onlyOne expects one of the two files to be there.
func (e *Engine) onlyOne(name, trashed string) error {
	live, err := e.exists(name)
	if err != nil {
		return err
	}
	kept, err := e.exists(trashed)
	switch {
	case err != nil:
		return err
	case live && kept:
		return fmt.Errorf("%w: there is also %s; one of the two must be moved away", tenants.ErrUnavailable, trashed)
	case !live && !kept:
		return fmt.Errorf("%w: %w: the file is missing, from %s too", tenants.ErrUnavailable, tenants.ErrNoDatabase, trashDir)
	}
	return nil
}

// notTrashed returns ErrUnavailable for a tenant whose file is in the trash: a
// new one would take what the old one has left beside it for its own.
func (e *Engine) notTrashed(t *models.Tenant) error {
	kept, err := e.exists(trashName(t))
	if err == nil && kept {
		err = fmt.Errorf("%w: it is in the trash", tenants.ErrUnavailable)
	}
	return fileError(err)
}

// moveSidecars moves what lies beside one file to lie beside the other.
func (e *Engine) moveSidecars(from, to string) error {
	for _, suffix := range sidecars() {
		if err := e.move(from+suffix, to+suffix); err != nil {
			return err
		}
	}
	return nil
}

// move moves a file, if it is there, over none that is. It is durable before
// the next one moves.
func (e *Engine) move(from, to string) error {
	there, err := e.exists(from)
	if err != nil || !there {
		return err
	}
	taken, err := e.exists(to)
	if err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("%w: there is %s and also %s; one of the two must be moved away", tenants.ErrUnavailable, from, to)
	}
	if err := e.root.Rename(from, to); errors.Is(err, fs.ErrNotExist) {
		if there, looking := e.exists(from); looking != nil || there {
			return errors.Join(looking, fmt.Errorf("%w: there is no folder %s", tenants.ErrUnavailable, filepath.Dir(to)))
		}
		return nil // somebody else was faster
	} else if err != nil {
		return err
	}
	return errors.Join(e.sync(filepath.Dir(to)), e.sync(filepath.Dir(from)))
}

// exists tells whether there is a file, of whatever kind.
func (e *Engine) exists(name string) (bool, error) {
	_, err := e.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
