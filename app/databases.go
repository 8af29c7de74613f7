package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// keyFile is the name of the generated key, in the data folder.
const keyFile = "secret.key"

// loadKeys takes the keys that are set, else those in the key's file.
func (a *App) loadKeys() error {
	if a.keys = a.settings.keys; a.keys != nil {
		return nil
	}
	if err := a.makePrivate(a.settings.dataDir); err != nil {
		return err
	}
	text, err := seal.LoadOrCreate(filepath.Join(a.settings.dataDir, keyFile))
	if err != nil {
		return fmt.Errorf("%w; or set %s", err, name(secretKey))
	}
	a.keys, err = seal.ParseKeys(text)
	return err
}

// openSQLite opens the master's file, and an engine on the folder it is in.
func (a *App) openSQLite(ctx context.Context) (err error) {
	path := a.settings.masterPath
	dir := filepath.Dir(path)
	if dir != filepath.Clean(a.settings.dataDir) || a.settings.keys != nil { // else loadKeys did
		if err := a.makePrivate(dir); err != nil {
			return err
		}
	}
	a.master, err = sqlite.OpenMaster(ctx, sqlite.MasterConfig{Path: path, Schema: models.Master(), Log: a.log})
	switch {
	case errors.Is(err, tenants.ErrSchemaVersion):
		return err // the setting is right
	case err != nil:
		return fmt.Errorf("open master database %s: %w; check %s", path, err, name("database-url"))
	}
	engine, err := sqlite.New(sqlite.Config{
		Dir: dir, Schema: models.Workspace(), Durability: a.settings.durability, Readers: a.settings.files.readers,
		MaxSize: a.settings.maxSize, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("open tenants' databases in %s: %w", dir, err)
	}
	a.engine = engine
	return nil
}

// makePrivate makes the folder for its owner alone, and warns of one that
// others can enter.
func (a *App) makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w; choose another with %s", err, name("data-dir"))
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		a.log.Warn("data folder is open to other users; close it with chmod 700", "dir", dir, "mode", mode.String())
	}
	return nil
}

// openPostgres opens the master's database, and an engine on its server.
func (a *App) openPostgres(ctx context.Context) (err error) {
	url := a.settings.postgresURL
	fail := func(err error) error {
		var bad *postgres.URLError
		if errors.As(err, &bad) {
			return postgresURLError(url, err)
		}
		return fmt.Errorf("open master database at %s (check that Postgres runs there, or correct %s): %w", postgres.DescribeURL(url), name("database-url"), err)
	}
	a.master, err = postgres.OpenMaster(ctx, postgres.MasterConfig{URL: url, Schema: models.Master(), Log: a.log})
	switch {
	case errors.Is(err, tenants.ErrSchemaVersion):
		return err
	case err != nil:
		return fail(err)
	}
	engine, err := postgres.New(ctx, postgres.Config{URL: url, Schema: models.Workspace(), Keys: a.keys, Log: a.log})
	if err != nil {
		return fail(err)
	}
	a.engine = engine
	return nil
}
