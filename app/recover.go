package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/exports"
	"tenantry/tenants/bucket"
	"tenantry/tenants/postgres"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// RecoverMaster restores the master from its newest backup, or the last one before a time, if there is none: no file, or no
// tenant in the database. It returns false if there is one. The secret key must be there already: what the master keeps
// sealed is worth nothing without it.
func RecoverMaster(ctx context.Context, c Config, at time.Time, log *slog.Logger) (r backup.Restored, made bool, err error) {
	s, err := c.validate()
	if err != nil {
		return r, false, err
	}
	if s.backups.url == "" {
		return r, false, ErrNoBackups
	}
	has, err := s.hasMaster(ctx, log)
	if err != nil || has {
		return r, false, err
	}
	keys, err := s.expectKeys()
	if err != nil {
		return r, false, err
	}
	b, err := s.openBucket(ctx, keys, "") // it is only read
	if err != nil {
		return r, false, err
	}
	if s.masterPath == "" {
		r, err = s.recoverDatabase(ctx, b, at, log)
	} else {
		r, err = s.recoverFile(ctx, b, at, log)
	}
	switch {
	case errors.Is(err, backup.ErrNoBackup):
		err = fmt.Errorf("%w in %s; check %s, and %s, which says on what engine the master was", err, b, name("backup-url"), name("database-url"))
	case errors.Is(err, seal.ErrUnknownKey):
		err = &SettingError{secretKey, "is not the key with which the backups' keys are sealed", "the key of the lost installation"}
	}
	return r, err == nil, err
}

func (s *settings) hasMaster(ctx context.Context, log *slog.Logger) (bool, error) {
	if s.masterPath == "" {
		has, err := postgres.HasMaster(ctx, postgres.MasterConfig{URL: s.postgresURL, Log: log})
		return has, s.postgresError(err)
	}
	_, err := os.Lstat(s.masterPath)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// recoverFile restores a master on SQLite.
func (s *settings) recoverFile(ctx context.Context, b bucket.Bucket, at time.Time, log *slog.Logger) (r backup.Restored, err error) {
	backups, err := s.newBackups(b, nil, log)
	if err != nil {
		return r, err
	}
	if _, count, err := backups.Points(ctx, backup.MasterID, 0); err != nil || count == 0 { // then no folder is made, either
		return r, cmp.Or(err, backup.ErrNoBackup)
	}
	if err := os.MkdirAll(filepath.Dir(s.masterPath), 0o700); err != nil {
		return r, err
	}
	temporary := s.masterPath + ".recovering"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	if r, err = backups.Restore(ctx, backup.MasterID, at, temporary); err != nil {
		return r, fmt.Errorf("master: %w", err)
	}
	return r, os.Rename(temporary, s.masterPath)
}

// recoverDatabase restores a master on Postgres.
func (s *settings) recoverDatabase(ctx context.Context, b bucket.Bucket, at time.Time, log *slog.Logger) (r backup.Restored, err error) {
	files := exports.New(exports.Options{Bucket: b, Scratch: s.scratch, MasterFiles: sqlite.Files{Schema: tenants.MasterSchema()}, Log: log})
	r, err = files.RestoreMaster(ctx, at, func(version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error {
		return s.postgresError(postgres.LoadMaster(ctx, postgres.MasterConfig{URL: s.postgresURL, Log: log}, version, fill))
	})
	if err != nil {
		return r, fmt.Errorf("master: %w", err)
	}
	return r, nil
}

// ForgetProcesses removes the processes of the lost installation from the recovered master: operations would wait until
// they are counted dead. No other process may have opened the master yet.
func (a *App) ForgetProcesses(ctx context.Context) error {
	err := a.master.Update(ctx, func(tx *gorm.DB) error {
		return tx.Delete(&tenants.Instance{}, "id <> ?", a.store.Process().ID()).Error
	})
	if err != nil {
		return fmt.Errorf("forget the processes of before: %w", err)
	}
	return nil
}

// expectKeys returns an error if there is no secret key.
func (s *settings) expectKeys() (*seal.Ring, error) {
	if s.keys != nil {
		return s.keys, nil
	}
	path := filepath.Join(s.dataDir, keyFile)
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &SettingError{secretKey, "is not set, and there is no file " + path, "the key of the lost installation in either"}
	}
	if err != nil {
		return nil, err
	}
	return seal.ParseKeys(string(content))
}

// Recovered is a tenant that was looked at in a recovery.
type Recovered struct {
	Tenant string `json:"tenant"`
	// At is when the state that was restored was stored; nil if the database was there.
	At    *time.Time `json:"at"`
	Error string     `json:"error,omitempty"`
}

// Recover restores the database of each tenant that has none, from its newest backup or the last one before a
// time. It replaces nothing, and may be called again. report is called for each tenant.
func (a *App) Recover(ctx context.Context, at time.Time, report func(r Recovered, done, total int)) error {
	if a.backups == nil {
		return ErrNoBackups
	}
	all, err := a.BackedUp(ctx)
	if err != nil {
		return err
	}
	for i, t := range all {
		result := Recovered{Tenant: t.Subdomain}
		restored, err := a.recoverTenant(ctx, t, at)
		if err == nil {
			err = a.fillFiles(ctx, t, t.ID, func(ctx context.Context, f tenants.Func) error { return a.store.Maintain(ctx, t, f) })
		}
		if err == nil { // the restored master may not know of jobs
			err = a.master.Update(ctx, func(tx *gorm.DB) error { return tenants.SetDue(tx, time.Now(), t.ID) })
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			result.Error = err.Error()
		} else if restored != nil {
			result.At = &restored.At
			a.lookAtFiles(ctx, t)
		}
		report(result, i+1, len(all))
	}
	return nil
}

// recoverTenant returns nil if the tenant has a database.
func (a *App) recoverTenant(ctx context.Context, t *tenants.Tenant, at time.Time) (r *backup.Restored, err error) {
	if a.isExported(t) {
		return a.exports.Recover(ctx, t, at)
	}
	engine, err := a.snapshotterOf(t)
	if err != nil {
		return nil, err
	}
	if _, err := engine.Written(ctx, t); !errors.Is(err, tenants.ErrNoDatabase) {
		return nil, err
	}
	dir, remove, err := a.settings.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	to := filepath.Join(dir, "restored.db")
	restored, err := a.backups.Restore(ctx, t.ID, at, to)
	if err != nil {
		return nil, err
	}
	return &restored, engine.PlaceFile(ctx, t, to)
}

// Unknown returns the ids of tenants that have backups and are not in the master: those that were created after its
// last backup, and those that were removed.
func (a *App) Unknown(ctx context.Context) (ids []string, err error) {
	stored, err := a.backups.Stored(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	if err := backup.Each(ctx, a.master, func(t *tenants.Tenant) { known[t.ID] = true }); err != nil {
		return nil, err
	}
	for _, id := range stored {
		if !known[id] {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
