package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"tenantry/models"
)

// sidecars are the endings of the files that SQLite keeps beside a database.
// Those of a process that was killed hold what it committed last.
func sidecars() []string { return []string{"-wal", "-journal", "-shm"} }

// Drop removes the tenant's file and those that SQLite keeps beside it, from
// the trash too.
func (e *Engine) Drop(_ context.Context, t *models.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := errors.Join(e.removeDatabase(name), e.removeDatabase(trashName(t))); err != nil {
		return fmt.Errorf("drop %s: %w", name, fileError(err))
	}
	return errors.Join(e.sync(tenantsDir), e.sync(trashDir))
}

// removeDatabase removes a database's files, those that are there.
func (e *Engine) removeDatabase(name string) error {
	var all error
	for _, suffix := range append([]string{""}, sidecars()...) {
		if err := e.root.Remove(name + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}
