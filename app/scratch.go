package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tenantry/tenants/sqlite"
)

// scratchPrefix begins the names of folders for restored and exported files, in the data folder.
const scratchPrefix = "restore-"

// scratch makes a folder for restored and exported files, and returns what removes it. If the process dies, clearScratch
// of another one does.
func (a *App) scratch() (dir string, remove func() error, err error) {
	if err := os.MkdirAll(a.settings.dataDir, 0o700); err != nil {
		return "", nil, err
	}
	dir, err = os.MkdirTemp(a.settings.dataDir, scratchPrefix)
	if err != nil {
		return "", nil, err
	}
	lock, err := os.Create(filepath.Join(dir, "lock"))
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	remove = func() error { return errors.Join(lock.Close(), os.RemoveAll(dir)) }
	if _, err := sqlite.TryLock(lock); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return dir, remove, nil
}

// scratchAge is how long ago a folder must have been made to be taken for one that was left behind.
const scratchAge = time.Minute

// clearScratch removes the folders that processes have left when they died.
func (a *App) clearScratch(ctx context.Context) {
	entries, err := os.ReadDir(a.settings.dataDir)
	for _, entry := range entries {
		info, failure := entry.Info()
		if failure != nil || !entry.IsDir() || !strings.HasPrefix(entry.Name(), scratchPrefix) || time.Since(info.ModTime()) < scratchAge {
			continue
		}
		err = errors.Join(err, removeUnlocked(filepath.Join(a.settings.dataDir, entry.Name())))
	}
	if err != nil {
		a.log.WarnContext(ctx, "remove files that a process left behind when it died", "error", err)
	}
}

// removeUnlocked removes a folder that no process uses.
func removeUnlocked(dir string) error {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	free, err := sqlite.TryLock(lock)
	if err == nil && free {
		err = os.RemoveAll(dir)
	}
	return errors.Join(err, lock.Close())
}
