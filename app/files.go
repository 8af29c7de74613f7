package app

import (
	"context"
	"fmt"
	"path/filepath"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/files"
	"tenantry/tenants/sqlite"
)

// filesDir is the folder of tenants' files, in the data folder.
const filesDir = "files"

// readFiles reads where tenants' files are.
func (c Config) readFiles(s *settings) (err error) {
	s.filesURL = c.FilesURL
	if c.FilesURL != "" {
		if err := bucket.CheckURL(c.FilesURL); err != nil {
			return &SettingError{"files-url", withoutUser(c.FilesURL), bucket.WantURL}
		}
	}
	if s.maxFile, err = tenants.ParseSize(c.MaxFileSize); err != nil || s.maxFile < 1 {
		return &SettingError{"max-file-size", c.MaxFileSize, "a size from 1 byte, such as 25MB or 1GB"}
	}
	return nil
}

// openFiles follows openStore. It neither reads nor writes.
func (a *App) openFiles(ctx context.Context) error {
	url := a.settings.filesURL
	if url == "" {
		dir, err := filepath.Abs(filepath.Join(a.settings.dataDir, filesDir))
		if err != nil {
			return err
		}
		url = bucket.FolderURL(dir)
	}
	b, err := bucket.Open(ctx, url)
	if err != nil {
		return fmt.Errorf("%w; check %s", err, name("files-url"))
	}
	a.files = files.New(files.Options{
		Bucket: b, Tenants: a.store, MaxSize: a.settings.maxFile, Room: a.filesRoom(url), Log: a.log, Interrupt: a.options.Interrupt,
	})
	if a.options.Jobs != nil {
		a.options.Jobs = a.options.Jobs.Clone() // another App may have the same ones
		a.files.Register(a.options.Jobs)
	}
	return nil
}

// filesRoom returns what checks that the disk of a folder has room, or nil for another bucket.
func (a *App) filesRoom(url string) func() error {
	folder, ok := bucket.Folder(url)
	if !ok || a.settings.minFree == 0 {
		return nil
	}
	return func() error {
		return tenants.CheckFree(a.settings.minFree, func() (int64, int64, error) { return sqlite.FreeSpace(folder) })
	}
}
