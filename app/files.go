package app

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
	"tenantry/tenants/files"
	"tenantry/tenants/lifecycle"
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
		Bucket: b, Backup: a.bucket, Keep: a.settings.backups.keep, Tenants: a.store, MaxSize: a.settings.maxFile, Room: a.filesRoom(url), Log: a.log, Interrupt: a.options.Interrupt,
	})
	if a.options.Jobs != nil {
		a.options.Jobs = a.options.Jobs.Clone() // another App may have the same ones
		a.files.Register(a.options.Jobs)
	}
	return nil
}

// filesHook gives a tenant that is a copy of another one the contents of its files: a clone, and what is restored.
func (a *App) filesHook() lifecycle.Hook {
	return lifecycle.Hook{
		Name: "files", Kinds: []tenants.OperationKind{tenants.KindClone, tenants.KindAdopt, tenants.KindCreate},
		Copies: true,
		Prepare: func(ctx context.Context, e *lifecycle.Event) error {
			var params struct {
				Of string `json:"of"`
			}
			if err := json.Unmarshal([]byte(e.Operation.Params), &params); err != nil {
				return err
			}
			return a.fillFiles(ctx, &e.Tenant, params.Of, e.Update)
		},
	}
}

// fillFiles stores the contents of a tenant's files that are not there.
func (a *App) fillFiles(ctx context.Context, t *tenants.Tenant, from string, update func(ctx context.Context, f tenants.Func) error) error {
	if !slices.ContainsFunc(a.options.Schema.Models, func(m any) bool { _, ok := m.(*files.Row); return ok }) {
		return nil
	}
	lost, err := a.files.Fill(ctx, t, from, update)
	if lost > 0 {
		a.log.WarnContext(ctx, "contents of files are lost: neither the storage nor a backup has them", "tenant", t.Subdomain, "files", lost)
	}
	return err
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
