package sqlite

import (
	"context"
	"errors"
	"io/fs"

	"tenantry/tenants"
)

var _ tenants.Sizer = (*Engine)(nil)

// Size returns the size of the tenant's file and its sidecars.
func (e *Engine) Size(_ context.Context, t *tenants.Tenant) (int64, error) {
	if _, err := e.existingPath(t); err != nil {
		return 0, err
	}
	name, err := fileName(t)
	if err != nil {
		return 0, err
	}
	var size int64
	for _, suffix := range append([]string{""}, sidecars()...) {
		info, err := e.files.lstat(name + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fileError(err)
		}
		size += info.Size()
	}
	return size, nil
}

// Sizes returns the sizes of all files in the tenants' folder. A database's size includes its sidecars.
func (e *Engine) Sizes(context.Context) (map[string]int64, error) {
	entries, err := e.files.list(tenantsDir)
	if err != nil {
		return nil, fileError(err)
	}
	sizes := make(map[string]int64, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fileError(err)
		}
		sizes[withoutSidecar(entry.Name())] += info.Size()
	}
	return sizes, nil
}
