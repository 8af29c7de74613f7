package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tenantry/tenants/lifecycle"
	"tenantry/tenants/sqlite"
)

// scratchPrefix begins the names of folders for restored and exported files, in the data folder.
const scratchPrefix = "restore-"

// scratch makes a folder for restored and exported files, and returns what removes it. If the process dies, clearScratch
// of another one does.
func (s *settings) scratch() (dir string, remove func() error, err error) {
	if err := os.MkdirAll(s.dataDir, 0o700); err != nil {
		return "", nil, err
	}
	dir, err = os.MkdirTemp(s.dataDir, scratchPrefix)
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

// scratchAge is the age from which a folder without an owner counts as left behind.
const scratchAge = time.Minute

// leftScratch returns the folders that processes have left when they died.
func (a *App) leftScratch() (left []string, err error) {
	entries, err := os.ReadDir(a.settings.dataDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	err = nil
	for _, entry := range entries {
		info, failure := entry.Info()
		if failure != nil || !entry.IsDir() || !strings.HasPrefix(entry.Name(), scratchPrefix) || time.Since(info.ModTime()) < scratchAge {
			continue
		}
		dir := filepath.Join(a.settings.dataDir, entry.Name())
		owned, failure := isOwned(dir)
		if failure == nil && !owned {
			left = append(left, dir)
		}
		err = errors.Join(err, failure)
	}
	return left, err
}

// isOwned reports whether a living process uses the folder.
func isOwned(dir string) (bool, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	free, err := sqlite.TryLock(lock)
	return !free, errors.Join(err, lock.Close())
}

// clearScratch removes the folders that processes have left when they died.
func (a *App) clearScratch() error {
	left, err := a.leftScratch()
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// ScratchLeft is the kind of findings about folders with restored files whose processes have died.
const ScratchLeft = "scratch-left"

func (a *App) examineScratch(repair bool) (found []lifecycle.Finding, err error) {
	left, err := a.leftScratch()
	for _, dir := range left {
		f := lifecycle.Finding{
			Kind: ScratchLeft, Subject: filepath.Base(dir), Detail: "a process that died has left the folder " + dir + ", with files of tenants",
			Remedy: "run with --repair to remove it; a running server does so, too",
		}
		if repair {
			removed := os.RemoveAll(dir)
			f.Repaired, err = removed == nil, errors.Join(err, removed)
		}
		found = append(found, f)
	}
	return found, err
}
