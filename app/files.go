package app

import (
	"context"
	"encoding/json"
	"errors"
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
	var copies bucket.Bucket
	if a.bucket != nil {
		copies = a.bucket
	}
	a.files = files.New(files.Options{
		Bucket: b, Backup: copies, Keep: a.settings.backups.keep, Tenants: a.store, MaxSize: a.settings.maxFile, Room: a.filesRoom(url), Log: a.log, Interrupt: a.options.Interrupt,
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

// replacedFilesHook has the contents looked at that files got after the copy of a database was made that is put back.
func (a *App) replacedFilesHook() lifecycle.Hook {
	return lifecycle.Hook{
		Name: "replaced-files", Kinds: []tenants.OperationKind{tenants.KindRevert},
		After: func(ctx context.Context, e *lifecycle.Event) error {
			a.lookAtFiles(ctx, &e.Tenant)
			return nil
		},
	}
}

// lookAtFiles makes the contents of a tenant be looked at, whose database is an older one. If that fails, Doctor finds them.
func (a *App) lookAtFiles(ctx context.Context, t *tenants.Tenant) {
	if !a.hasFiles() {
		return
	}
	if err := a.files.Look(ctx, t.ID); err != nil {
		a.log.WarnContext(ctx, "contents of files that have no row any more stay: find them with doctor", "tenant", t.Subdomain, "error", err)
	}
}

// hasFiles reports whether the application's tenants have files.
func (a *App) hasFiles() bool {
	return slices.ContainsFunc(a.options.Schema.Models, func(m any) bool { _, ok := m.(*files.Row); return ok })
}

// FilesUnnamed is the kind of findings about contents of files that no row names, such as those of files that were stored after the
// state to which a database was put back.
const FilesUnnamed = "files-unnamed"

// examineFileContents looks for contents that no row names. Without repair it only reads.
func (a *App) examineFileContents(ctx context.Context, repair bool) (all []lifecycle.Finding, err error) {
	if !a.hasFiles() {
		return nil, nil
	}
	err = a.files.EachUnnamed(ctx, func(found files.Unnamed) error {
		f := lifecycle.Finding{
			Kind: FilesUnnamed, Subject: found.Tenant.Subdomain,
			Detail: fmt.Sprintf("the storage of files has contents that no row names: %d, with %d bytes", len(found.IDs), found.Bytes),
			Remedy: "have them removed with --repair; copies for points in time stay in the backups for as long as those",
		}
		if repair {
			err := a.files.RemoveUnnamed(ctx, found)
			if f.Repaired = err == nil; err != nil {
				f.Detail += fmt.Sprintf(", and they can't be removed now: %v", err)
			}
		}
		all = append(all, f)
		return nil
	})
	if errors.Is(err, tenants.ErrUnavailable) {
		all, err = append(all, lifecycle.Finding{
			Kind: FilesUnread, Subject: "files", Detail: err.Error(), Remedy: "check " + name("files-url") + " and its storage",
		}), nil
	}
	return all, err
}

// FilesUnread is the kind of the finding that the storage of files can't be read.
const FilesUnread = "files-unread"

// fillFiles stores the contents of a tenant's files that are not there.
func (a *App) fillFiles(ctx context.Context, t *tenants.Tenant, from string, update func(ctx context.Context, f tenants.Func) error) error {
	if !a.hasFiles() {
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
