package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"tenantry/tenants"
)

// sidecars returns the suffixes of the files that SQLite keeps beside a database. After a process was
// killed they contain its last commits.
func sidecars() []string { return []string{"-wal", "-journal", "-shm"} }

// withoutSidecar returns the name of the database to which a file belongs: the name without the suffix
// of a sidecar.
func withoutSidecar(name string) string {
	for _, suffix := range sidecars() {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}

// Drop removes the tenant's file and its sidecars, in use or in the trash, its copies from before migrations, and
// what an interrupted creation left behind.
func (e *Engine) Drop(_ context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	copies := func(base string) bool { return strings.Contains(base, "-"+t.Database) }
	if err := errors.Join(e.removeDatabase(name), e.removeDatabase(trashName(t)), e.removeTemporary(t), e.removeCopies(copies)); err != nil {
		return fmt.Errorf("drop %s: %w", name, fileError(err))
	}
	return errors.Join(e.files.sync(tenantsDir), e.files.sync(trashDir))
}

// removeDatabase removes a database's file and sidecars, as far as they exist.
func (e *Engine) removeDatabase(name string) error {
	var all error
	for _, suffix := range append([]string{""}, sidecars()...) {
		exists, err := e.files.exists(name + suffix) // a read-only file system refuses to remove even a missing file
		if err == nil && exists {
			err = e.files.remove(name + suffix)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// removeTemporary removes the tenant's temporary files in both folders.
func (e *Engine) removeTemporary(t *tenants.Tenant) error {
	for _, folder := range []string{tenantsDir, trashDir} {
		names, err := e.files.names(folder)
		if err != nil {
			return err
		}
		for _, name := range names {
			name = withoutSidecar(name)
			if target := temporaryPattern.FindStringSubmatch(name); target != nil && target[1] == t.Database {
				if err := e.removeDatabase(filepath.Join(folder, name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
