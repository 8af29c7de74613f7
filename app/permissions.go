package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"tenantry/tenants/backup"
	"tenantry/tenants/lifecycle"
)

// fileOpenToOthers is the kind of findings about files and folders of the
// application that other users of the machine can read or write.
const fileOpenToOthers = "file-open-to-others"

// others are the permissions of the file's group and of other users.
const others fs.FileMode = 0o077

// examineFiles examines the data folder and its content: the master, the
// generated secrets and the engine's folders. The files in those are the
// engine's to examine.
func (a *App) examineFiles(repair bool) ([]lifecycle.Finding, error) {
	if runtime.GOOS == "windows" {
		return nil, nil // where permissions are not in the mode
	}
	var found []lifecycle.Finding
	paths, err := a.privatePaths()
	if err != nil {
		return nil, fmt.Errorf("examine data folder: %w", err)
	}
	for _, path := range paths {
		f, err := examineFile(path, repair)
		if err != nil {
			return found, fmt.Errorf("examine data folder: %w", err)
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return found, nil
}

// privatePaths are the data folder, that of the master, and what lies in them.
func (a *App) privatePaths() ([]string, error) {
	folders := []string{filepath.Clean(a.settings.dataDir)}
	if a.settings.masterPath != "" {
		folders = append(folders, filepath.Dir(a.settings.masterPath))
	}
	var paths []string
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		paths = append(paths, folder)
		for _, entry := range entries {
			paths = append(paths, filepath.Join(folder, entry.Name()))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// examineFile returns a finding about a file that others can use, or nil. It
// follows symbolic links.
func examineFile(path string, repair bool) (*lifecycle.Finding, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // SQLite removes files beside a database
	case err != nil:
		return nil, err
	}
	mode := info.Mode()
	if mode.Perm()&others == 0 || !mode.IsRegular() && !mode.IsDir() {
		return nil, nil
	}
	f := &lifecycle.Finding{
		Kind: fileOpenToOthers, Subject: path, Detail: fmt.Sprintf("its permissions are %v", mode.Perm()),
		Remedy: fmt.Sprintf("take them from others with --repair, or: chmod %o", mode.Perm()&^others),
	}
	if !repair {
		return f, nil
	}
	if err := os.Chmod(path, mode.Perm()&^others); err != nil {
		f.Detail += fmt.Sprintf(", and they can't be changed: %v", err)
		f.Remedy = fmt.Sprintf("have its owner run: chmod %o", mode.Perm()&^others)
		return f, nil
	}
	f.Repaired = true
	return f, nil
}

// Examine looks at all that there is.
func (a *App) Examine(ctx context.Context, checkup lifecycle.Checkup) ([]lifecycle.Finding, error) {
	files, err := a.examineFiles(checkup.Repair)
	if err != nil {
		return files, err
	}
	left, err := a.examineScratch(checkup.Repair)
	files = append(files, left...)
	if err != nil {
		return files, err
	}
	checkup.Keys = a.keys
	keys, err := a.examineBackupKeys(ctx, checkup.Repair)
	files = append(files, keys...)
	if err != nil {
		return files, err
	}
	findings, err := a.manager.Doctor(ctx, checkup)
	findings = append(files, findings...)
	if err == nil {
		unnamed, failed := a.examineFileContents(ctx, checkup.Repair)
		findings, err = append(findings, unnamed...), failed
	}
	if err != nil || a.proofs == nil {
		return findings, err
	}
	findings = append(findings, a.examineMasterBackup(ctx)...)
	unproven, err := a.examineProofs(ctx)
	return append(findings, unproven...), err
}

// BackupLate is the kind of findings about changes of the master that aren't backed up.
const BackupLate = "backup-late"

// examineMasterBackup looks at the newest backup of the master, without which tenants' backups are hard to put to use.
func (a *App) examineMasterBackup(ctx context.Context) []lifecycle.Finding {
	var s backup.Survey
	f := lifecycle.Finding{
		Kind: BackupLate, Subject: "master", Detail: "it was changed more than twice the backup interval ago, and that is not backed up",
		Remedy: "back up with: " + a.options.Program + " backup run; a server that runs does so by itself, or its log says why not",
	}
	if err := a.surveyMaster(ctx, &s); err != nil {
		f.Detail = "whether it is backed up is not known: " + err.Error()
	} else if !s.Late {
		return nil
	}
	return []lifecycle.Finding{f}
}

// BackupUnproven is the kind of findings about tenants whose backups can't be relied on.
const BackupUnproven = "backup-unproven"

// mostUnproven limits the findings about backups.
const mostUnproven = 1000

func (a *App) examineProofs(ctx context.Context) (found []lifecycle.Finding, err error) {
	unproven, err := a.proofs.Unproven(ctx, mostUnproven)
	for _, u := range unproven {
		found = append(found, lifecycle.Finding{
			Kind: BackupUnproven, Subject: u.Subdomain, Detail: u.String(),
			Remedy: fmt.Sprintf("try it with: %[1]s backup verify %[2]s; if it fails, make a new backup with: %[1]s backup run --whole %[2]s", a.options.Program, u.Subdomain),
		})
	}
	return found, err
}
