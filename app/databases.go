package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"tenantry/tenants"
	"tenantry/tenants/postgres"
	"tenantry/tenants/seal"
	"tenantry/tenants/sqlite"
)

// keyFile is the name of the generated key, in the data folder.
const keyFile = "secret.key"

// loadKeys returns the configured keys, else those in the key file. It creates
// a key only if it may create the installation.
func (a *App) loadKeys(context.Context) error {
	if a.keys = a.settings.keys; a.keys != nil {
		return nil
	}
	path := filepath.Join(a.settings.dataDir, keyFile)
	if _, err := os.Lstat(path); a.settings.existing && errors.Is(err, fs.ErrNotExist) {
		return &SettingError{secretKey, "is not set, and there is no file " + path, "the key of this installation in either"}
	}
	if err := a.makePrivate(a.settings.dataDir); err != nil {
		return err
	}
	text, err := seal.LoadOrCreate(path)
	if err != nil {
		return fmt.Errorf("%w; or set %s", err, name(secretKey))
	}
	a.keys, err = seal.ParseKeys(text)
	return err
}

// openSQLiteMaster opens the master's file.
func (a *App) openSQLiteMaster(ctx context.Context) (err error) {
	path := a.settings.masterPath
	if !a.settings.existing {
		if err := a.makePrivate(filepath.Dir(path)); err != nil {
			return err
		}
	}
	a.master, err = sqlite.OpenMaster(ctx, sqlite.MasterConfig{
		Path: path, Existing: a.settings.existing, Log: a.log,
	})
	switch {
	case errors.Is(err, tenants.ErrSchemaVersion):
		return err // the setting is right
	case errors.Is(err, tenants.ErrNoMaster):
		return a.notInstalled()
	case err != nil:
		return fmt.Errorf("open master database %s: %w; check %s", path, err, name("database-url"))
	}
	return nil
}

// notInstalled says that there is no SQLite master.
func (a *App) notInstalled() error {
	path, err := filepath.Abs(a.settings.masterPath)
	if err != nil {
		path = a.settings.masterPath
	}
	return &SettingError{"data-dir", a.settings.dataDir, "the folder of an installation, but there is no master database " + path +
		": name the folder, or make an installation with tenantry serve or tenantry tenant create"}
}

// openSQLiteEngine opens an engine on the folder that the master is in.
func (a *App) openSQLiteEngine(context.Context) (err error) {
	a.engine, err = a.openFolder(filepath.Dir(a.settings.masterPath))
	return err
}

// openFolder opens an engine on a folder.
func (a *App) openFolder(dir string) (tenants.Engine, error) {
	engine, err := sqlite.New(sqlite.Config{
		Dir: dir, Schema: a.options.Schema, Durability: a.settings.durability, Readers: a.settings.files.readers,
		Log: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("open tenants' databases in %s: %w", dir, err)
	}
	return engine, nil
}

// makePrivate creates the folder for its owner alone, and warns if others can
// enter an existing one.
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

// openPostgresMaster opens the master's database.
func (a *App) openPostgresMaster(ctx context.Context) (err error) {
	url := a.settings.postgresURL
	a.master, err = postgres.OpenMaster(ctx, postgres.MasterConfig{
		URL: url, Existing: a.settings.existing, Log: a.log,
	})
	if errors.Is(err, tenants.ErrNoMaster) {
		return &SettingError{"database-url", postgres.DescribeURL(url), "the database of an installation, but there is no master in this one: " +
			"name another, or make an installation with tenantry serve or tenantry tenant create"}
	}
	return a.settings.postgresError(err)
}

// openPostgresEngine opens an engine on the master's server.
func (a *App) openPostgresEngine(ctx context.Context) error {
	engine, err := postgres.New(ctx, postgres.Config{URL: a.settings.postgresURL, Schema: a.options.Schema, Keys: a.keys, Log: a.log})
	if err != nil {
		return a.settings.postgresError(err)
	}
	a.engine = engine
	return nil
}

// postgresError says where the server was looked for, unless the setting is right.
func (s *settings) postgresError(err error) error {
	if err == nil || errors.Is(err, tenants.ErrSchemaVersion) {
		return err
	}
	url := s.postgresURL
	var bad *postgres.URLError
	if errors.As(err, &bad) {
		return postgresURLError(url, err)
	}
	return fmt.Errorf("open master database at %s (check that Postgres runs there, or correct %s): %w",
		postgres.DescribeURL(url), name("database-url"), err)
}
