package exports

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/portable"
)

// Recover makes the tenant's database of its last backup before a time, or of its last one if the time is zero. It returns nil
// if there is a database, which it keeps. It is atomic, and may be repeated.
func (e *Exports) Recover(ctx context.Context, t *tenants.Tenant, at time.Time) (r *backup.Restored, err error) {
	exporter, err := e.exporter(t.Server)
	if err != nil {
		return nil, err
	}
	if _, err := exporter.Sign(ctx, t); !errors.Is(err, tenants.ErrNoDatabase) {
		return nil, err
	}
	dir, remove, err := e.o.Scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	path := filepath.Join(dir, "restored.db")
	restored, err := e.Restore(ctx, t.ID, at, path)
	if err != nil {
		return nil, err
	}
	return &restored, e.load(ctx, exporter, t, path)
}

// load makes the tenant's database of a file, and records its schema version.
func (e *Exports) load(ctx context.Context, exporter tenants.Exporter, t *tenants.Tenant, path string) (err error) {
	from, about, err := portable.Open(ctx, e.o.Files, path, e.o.Schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	err = exporter.Load(ctx, t, from.Version(), func(ctx context.Context, into tenants.RowWriter) error {
		_, err := portable.Copy(ctx, from, into, portable.Options{Schema: e.o.Schema, Expected: about.Tables})
		return err
	})
	if err != nil {
		return err
	}
	return e.o.Master.Update(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Where("id = ?", t.ID).Update("schema_version", from.Version()).Error
	})
}
