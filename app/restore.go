package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/sqlite"
)

// verifyBackup restores the newest backup of a tenant to a file, checks it, and removes it.
func (a *App) verifyBackup(ctx context.Context, t *tenants.Tenant) (r backup.Restored, err error) {
	if a.backups == nil {
		return r, ErrNoBackups
	}
	if a.isExported(t) {
		return a.exports.Verify(ctx, t)
	}
	engine, err := a.snapshotterOf(t)
	if err != nil {
		return r, err
	}
	dir, remove, err := a.settings.scratch()
	if err != nil {
		return r, fmt.Errorf("%w: %w", backup.ErrScratch, err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	to := filepath.Join(dir, "restored.db")
	if r, err = a.backups.Restore(ctx, t.ID, time.Time{}, to); err != nil {
		return r, err
	}
	return r, engine.CheckFile(ctx, t, to)
}

// RestoreAs makes a new tenant of a tenant's database as it was at a time, or as it was last if the time is zero. The
// other tenant is not touched.
func (a *App) RestoreAs(ctx context.Context, t *tenants.Tenant, at time.Time, n lifecycle.NewTenant) (made *tenants.Tenant, r backup.Restored, err error) {
	if a.backups == nil {
		return nil, r, ErrNoBackups
	}
	dir, remove, err := a.settings.scratch()
	if err != nil {
		return nil, r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	to, err := filepath.Abs(filepath.Join(dir, "restored.db"))
	if err != nil {
		return nil, r, err
	}
	portable, err := a.restoreNearest(ctx, t.ID, at, to, &r)
	if err != nil {
		return nil, r, err
	}
	if n.Server == "" && a.isExported(t) == portable {
		n.Server = t.Server
	}
	if portable {
		n.File = to
	} else {
		n.Source = sqlite.Dialect + ":" + to
	}
	n.Origin, n.Settings = t.ID, t.Settings
	made, err = a.manager.Create(ctx, n)
	return made, r, err
}

// restoreNearest makes a file of the last backup before a time, and reports whether it is a portable one: a tenant that was
// moved may have backups of both kinds.
func (a *App) restoreNearest(ctx context.Context, id string, at time.Time, to string, r *backup.Restored) (portable bool, err error) {
	exported, err := a.exports.Newest(ctx, id, at)
	if err != nil && !errors.Is(err, backup.ErrNoBackup) {
		return false, err
	}
	portable = err == nil
	*r, err = a.backups.Restore(ctx, id, at, to)
	switch {
	case !portable || err != nil && !errors.Is(err, backup.ErrNoBackup):
		return false, err
	case err == nil && r.At.After(exported):
		return false, nil
	case err == nil:
		if err := os.Remove(to); err != nil {
			return false, err
		}
	}
	*r, err = a.exports.Restore(ctx, id, at, to)
	return true, err
}
