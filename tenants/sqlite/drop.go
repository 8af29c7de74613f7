package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"tenantry/models"
)

// sidecars are the endings of the files that SQLite keeps beside a database.
// Those of a process that was killed hold what it committed last.
func sidecars() []string { return []string{"-wal", "-journal", "-shm"} }

// withoutSidecar is the name of the database beside which a file lies, or its
// own.
func withoutSidecar(name string) string {
	for _, suffix := range sidecars() {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// Drop removes the tenant's file and those that SQLite keeps beside it, from
// the trash too, and what a creation that was broken off has left.
func (e *Engine) Drop(_ context.Context, t *models.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := errors.Join(e.removeDatabase(name), e.removeDatabase(trashName(t)), e.removeTemporary(t)); err != nil {
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

// removeTemporary removes what was to become the tenant's file.
func (e *Engine) removeTemporary(t *models.Tenant) error {
	entries, err := fs.ReadDir(e.root.FS(), tenantsDir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := withoutSidecar(entry.Name())
		if target := temporaryPattern.FindStringSubmatch(name); target != nil && target[1] == t.Database {
			err = errors.Join(err, e.removeDatabase(filepath.Join(tenantsDir, name)))
		}
	}
	return err
}
