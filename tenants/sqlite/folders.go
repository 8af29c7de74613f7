package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tenantry/tenants"
)

// folders are the engine's folders in the data folder at dir. Each may be a
// symbolic link, or a file system of its own. A file is named as FOLDER/BASE,
// and no name leads out of its folder.
type folders struct{ dir string }

// openFolders makes the data folder and those in it where they are missing.
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
			return folders{}, fmt.Errorf("%s is a symbolic link that leads nowhere: make or mount the folder it leads to", path)
		case err != nil:
			return folders{}, fmt.Errorf("look at folder %q: %w", name, err)
		case !info.IsDir():
			return folders{}, fmt.Errorf("%s is no folder: move it away", path)
		}
	}
	return folders{dir}, nil
}

// path is where a file is for SQLite, which opens files by their names.
func (f folders) path(name string) string { return filepath.Join(f.dir, name) }

// in calls do with the folder of a file, and with what the file is called there:
// "." for the folder itself. A folder that is missing is ErrUnavailable and not
// fs.ErrNotExist: nothing is known of what was in it.
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

// lstat is what a file is; a symbolic link is not followed.
func (f folders) lstat(name string) (info fs.FileInfo, err error) {
	err = f.in(name, func(root *os.Root, base string) error {
		info, err = root.Lstat(base)
		return err
	})
	return info, err
}

// openFile opens a file. The caller closes it.
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

// link gives a file a second name in its folder.
func (f folders) link(from, to string) error {
	return f.in(from, func(root *os.Root, base string) error { return root.Link(base, filepath.Base(to)) })
}

// rename gives a file another name, maybe in another folder.
func (f folders) rename(from, to string) error {
	if filepath.Dir(from) == filepath.Dir(to) {
		return f.in(from, func(root *os.Root, base string) error { return root.Rename(base, filepath.Base(to)) })
	}
	return os.Rename(f.path(from), f.path(to))
}

// list are the entries of a folder.
func (f folders) list(folder string) (entries []fs.DirEntry, err error) {
	err = f.in(folder, func(root *os.Root, _ string) error {
		entries, err = fs.ReadDir(root.FS(), ".")
		return err
	})
	return entries, err
}

// sync makes a file's content, or the names in a folder, durable.
func (f folders) sync(name string) error {
	file, err := f.openFile(name, os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// exists tells whether there is a file, of whatever kind.
func (f folders) exists(name string) (bool, error) {
	_, err := f.lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
