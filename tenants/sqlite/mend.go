package sqlite

import (
	"context"
	"fmt"
	"path/filepath"

	"tenantry/tenants"
)

// Mend restricts the files to their owner, and completes an interrupted Trash or Untrash.
func (e *Engine) Mend(ctx context.Context, t *tenants.Tenant) error {
	if _, err := fileName(t); err != nil || t.IsRemoved() {
		return nil
	}
	s, err := e.locate(t)
	if err == nil && s.atName != s.atOther {
		err = e.mend(ctx, t, s)
	}
	if err != nil {
		return fmt.Errorf("mend %s: %w", s.name, fileError(err))
	}
	return nil
}

func (e *Engine) mend(ctx context.Context, t *tenants.Tenant, s location) error {
	for _, folder := range []string{tenantsDir, trashDir} {
		if err := e.files.chmod(folder, folderMode); err != nil {
			return err
		}
	}
	move := e.Untrash
	if filepath.Dir(s.name) == trashDir {
		move = e.Trash
	}
	if s.atOther || s.stray {
		if err := move(ctx, t); err != nil {
			return err
		}
	}
	modes, err := e.looseModes(s.name)
	if err != nil {
		return err
	}
	for _, l := range modes {
		if err := e.files.chmod(l.name, l.want); err != nil {
			return err
		}
	}
	return nil
}
