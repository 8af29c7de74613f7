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
func (e *Engine) Drop(_ context.Context, t *tenants.Tenant) error {
	name, err := fileName(t)
	if err != nil {
		return err
	}
	if err := errors.Join(e.removeDatabase(name), e.removeDatabase(trashName(t)), e.removeTemporary(t)); err != nil {
		return fmt.Errorf("drop %s: %w", name, fileError(err))
	}
	return errors.Join(e.files.sync(tenantsDir), e.files.sync(trashDir))
}

// removeDatabase removes a database's files, those that are there.
func (e *Engine) removeDatabase(name string) error {
	var all error
	for _, suffix := range append([]string{""}, sidecars()...) {
		there, err := e.files.exists(name + suffix) // on a read-only file system removing what isn't there fails, too
		if err == nil && there {
			err = e.files.remove(name + suffix)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// removeTemporary removes what was to become the tenant's file, in either folder.
func (e *Engine) removeTemporary(t *tenants.Tenant) error {
	for _, folder := range []string{tenantsDir, trashDir} {
		entries, err := e.files.list(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := withoutSidecar(entry.Name())
			if target := temporaryPattern.FindStringSubmatch(name); target != nil && target[1] == t.Database {
				if err := e.removeDatabase(filepath.Join(folder, name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
