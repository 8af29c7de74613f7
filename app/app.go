package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"tenantry/models"
	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
	"tenantry/tenants/postgres"
	"tenantry/tenants/sqlite"
)

// App is the application with its databases open. It is safe for concurrent use.
type App struct {
	settings settings
	log      *slog.Logger

	master  *tenants.Master
	engine  tenants.Engine
	store   *tenants.Store
	manager *lifecycle.Manager
}

// openTimeout bounds the opening of the master.
const openTimeout = 30 * time.Second

// New checks the configuration and opens the databases. Bad settings are
// returned as *SettingError, joined. The caller closes the App.
func New(ctx context.Context, c Config, log *slog.Logger) (*App, error) {
	s, err := c.validate()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	a := &App{settings: s, log: log}
	if err := a.open(ctx); err != nil {
		return nil, errors.Join(err, a.Close(ctx))
	}
	a.manager = lifecycle.New(a.store, log)
	return a, nil
}

// Close waits until the scopes that run are over, and closes the databases.
// When ctx ends first, scopes may still run; what they hold is closed as they
// end.
func (a *App) Close(ctx context.Context) error {
	var errs []error
	if a.store != nil {
		errs = append(errs, a.store.Close(ctx))
	}
	if a.engine != nil {
		errs = append(errs, a.engine.Close())
	}
	if a.master != nil {
		errs = append(errs, a.master.Close())
	}
	return errors.Join(errs...)
}

// open opens the master, the engine beside it, and the store on both.
func (a *App) open(ctx context.Context) error {
	openDatabases := a.openSQLite
	if a.settings.postgresURL != "" {
		openDatabases = a.openPostgres
	}
	if err := openDatabases(ctx); err != nil {
		return err
	}
	var err error
	a.store, err = tenants.New(tenants.Options{
		Master:  a.master,
		Servers: map[string]tenants.Engine{tenants.DefaultServer: a.engine},
		MaxOpen: a.maxOpen(),
		Log:     a.log,
	})
	return err
}

// maxOpen is how many handles may be open: what was set, unless the server
// bears less.
func (a *App) maxOpen() int {
	most := a.engine.MaxHandles()
	if most == 0 || most >= a.settings.maxOpen {
		return a.settings.maxOpen
	}
	a.log.Debug("server bears fewer open tenants than allowed", "allowed", a.settings.maxOpen, "bears", most)
	return most
}

// openSQLite opens the master's file, and an engine on the folder it is in.
func (a *App) openSQLite(ctx context.Context) (err error) {
	path := a.settings.masterPath
	dir := filepath.Dir(path)
	if err := a.makePrivate(dir); err != nil {
		return err
	}
	a.master, err = sqlite.OpenMaster(ctx, sqlite.MasterConfig{Path: path, Schema: models.Master(), Log: a.log})
	if err != nil {
		return fmt.Errorf("open master database %s: %w; check %s", path, err, name("database-url"))
	}
	engine, err := sqlite.New(sqlite.Config{Dir: dir, Schema: models.Workspace(), Durability: a.settings.durability, Log: a.log})
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
		return fmt.Errorf("open master database at %s: %w; check that the server runs and that %s names it", serverOf(url), err, name("database-url"))
	}
	a.master, err = postgres.OpenMaster(ctx, postgres.MasterConfig{URL: url, Schema: models.Master(), Log: a.log})
	if err != nil {
		return fail(err)
	}
	engine, err := postgres.New(ctx, postgres.Config{URL: url, Schema: models.Workspace(), Log: a.log})
	if err != nil {
		return fail(err)
	}
	a.engine = engine
	return nil
}
