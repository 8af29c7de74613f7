package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tenantry/tenants"
)

// folders are the engine's folders in the data folder dir. Each may be a symbolic link or a file
// system of its own. A file is named FOLDER/BASE, and no name can lead out of its folder.
type folders struct{ dir string }

// openFolders creates the data folder and its subfolders if they are missing.
func openFolders(dir string) (folders, error) {
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return folders{}, fmt.Errorf("make data folder: %w", err)
	}
	for _, name := range []string{tenantsDir, templatesDir, trashDir} {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(path, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return folders{}, fmt.Errorf("make folder %q: %w", name, err)
		}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return folders{}, fmt.Errorf("%s is a symbolic link to a folder that doesn't exist: make or mount that folder", path)
		case err != nil:
			return folders{}, fmt.Errorf("stat folder %q: %w", name, err)
		case !info.IsDir():
			return folders{}, fmt.Errorf("%s is not a folder: move it away", path)
		}
	}
	return folders{dir}, nil
}

// path returns a file's full path, for SQLite, which opens files by path.
func (f folders) path(name string) string { return filepath.Join(f.dir, name) }

// in calls do with the folder of a file and the file's name in it, which is "." for the folder itself.
// Returns ErrUnavailable, not fs.ErrNotExist, if the folder is missing: its files may still exist.
func (f folders) in(name string, do func(root *os.Root, base string) error) error {
	folder, base := filepath.Split(name)
	if folder == "" {
		folder, base = base, "."
	}
	root, err := os.OpenRoot(f.path(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no folder %s", tenants.ErrUnavailable, filepath.Clean(folder))
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return do(root, base)
}

// lstat returns a file's info. It doesn't follow a symbolic link.
func (f folders) lstat(name string) (info fs.FileInfo, err error) {
	err = f.in(name, func(root *os.Root, base string) error {
		info, err = root.Lstat(base)
		return err
	})
	return info, err
}

// openFile opens a file. The caller must close it.
func (f folders) openFile(name string, flag int) (file *os.File, err error) {
	err = f.in(name, func(root *os.Root, base string) error {
		file, err = root.OpenFile(base, flag, fileMode)
		return err
	})
	return file, err
}

func (f folders) readFile(name string) (content []byte, err error) {
	err = f.in(name, func(root *os.Root, base string) error {
		content, err = root.ReadFile(base)
		return err
	})
	return content, err
}

func (f folders) remove(name string) error {
	return f.in(name, func(root *os.Root, base string) error { return root.Remove(base) })
}

func (f folders) chmod(name string, mode fs.FileMode) error {
	return f.in(name, func(root *os.Root, base string) error { return root.Chmod(base, mode) })
}

// link gives a file a second name in the same folder.
func (f folders) link(from, to string) error {
	return f.in(from, func(root *os.Root, base string) error { return root.Link(base, filepath.Base(to)) })
}

// rename renames a file, possibly into another folder.
func (f folders) rename(from, to string) error {
	if filepath.Dir(from) == filepath.Dir(to) {
		return f.in(from, func(root *os.Root, base string) error { return root.Rename(base, filepath.Base(to)) })
	}
	return os.Rename(f.path(from), f.path(to))
}

// list returns the entries of a folder.
func (f folders) list(folder string) (entries []fs.DirEntry, err error) {
	err = f.in(folder, func(root *os.Root, _ string) error {
		entries, err = fs.ReadDir(root.FS(), ".")
		return err
	})
	return entries, err
}

// names returns the names in a folder. Unlike list it doesn't look at each file.
func (f folders) names(folder string) ([]string, error) {
	dir, err := f.openFile(folder, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// sync makes a file's content, or the names in a folder, durable.
func (f folders) sync(name string) error {
	file, err := f.openFile(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// exists reports whether the file exists, of any type.
func (f folders) exists(name string) (bool, error) {
	_, err := f.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
