package bucket

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// folder is a Bucket in a folder, which is opened by the first use.
type folder struct {
	path string
	mu   sync.Mutex
	root *os.Root // nil until it is open; mu guards it
}

var (
	_ Bucket = (*folder)(nil)
	_ Tidier = (*folder)(nil)
	_ Ranger = (*folder)(nil)
)

// OpenFolder opens a folder as a bucket. It is created, 0700, if it is missing.
func OpenFolder(path string) (Bucket, error) {
	f := &folder{path: path}
	_, err := f.open()
	return f, err
}

func (f *folder) open() (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root != nil {
		return f.root, nil
	}
	err := os.MkdirAll(f.path, folderMode)
	if err == nil {
		f.root, err = os.OpenRoot(f.path)
	}
	if err != nil {
		return nil, fmt.Errorf("folder: %w", folderError(err))
	}
	return f.root, nil
}

func (f *folder) isMissing() bool {
	_, err := os.Lstat(f.path)
	return errors.Is(err, fs.ErrNotExist)
}

func (f *folder) String() string { return f.path }

// Put writes a file under another name and renames it.
func (f *folder) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	source := &source{ctx: ctx, r: r}
	err := f.put(key, source)
	switch {
	case source.err != nil:
		err = source.err
	case err != nil:
		err = folderError(err)
	default:
		return nil
	}
	return fmt.Errorf("store %s: %w", key, err)
}

func (f *folder) put(key string, r io.Reader) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	dir := path.Dir(key)
	if err := makeFolder(root, dir); err != nil {
		return err
	}
	temporary := path.Join(dir, "."+rand.Text()+".tmp")
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, r)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = root.Rename(temporary, key)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return syncFolder(root, dir)
}

// makeFolder makes a folder and those above it, durably.
func makeFolder(root *os.Root, dir string) error {
	err := root.Mkdir(dir, folderMode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolder(root, path.Dir(dir)); err != nil {
			return err
		}
		return makeFolder(root, dir)
	case err != nil:
		return err
	}
	return syncFolder(root, path.Dir(dir))
}

func syncFolder(root *os.Root, dir string) error {
	file, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Get opens a file.
func (f *folder) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return f.GetFrom(ctx, key, 0)
}

// GetFrom opens a file at an offset.
func (f *folder) GetFrom(_ context.Context, key string, offset int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	file, err := root.Open(key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, folderError(err))
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", key, folderError(err)), file.Close())
	}
	return file, nil
}

// List walks through the folders that can have keys with the prefix. It doesn't make a missing folder.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if f.isMissing() {
			return
		}
		root, err := f.open()
		if err != nil {
			yield(Object{}, err)
			return
		}
		list(ctx, root.FS(), path.Dir(prefix+"x"), prefix, yield)
	}
}

// list yields the objects below dir and reports whether to go on. Keys are ordered as text, where "a-b/c" comes before
// "a/b": a folder's name counts with the slash that follows it.
func list(ctx context.Context, folder fs.FS, dir, prefix string, yield func(Object, error) bool) bool {
	entries, err := fs.ReadDir(folder, dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return true
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		yield(Object{}, fmt.Errorf("list %s: %w", prefix, folderError(err)))
		return false
	}
	name := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(name(a), name(b)) })
	for _, e := range entries {
		key := path.Join(dir, name(e))
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if e.IsDir() {
			begins := strings.HasPrefix(key+"/", prefix) || strings.HasPrefix(prefix, key+"/")
			if begins && !list(ctx, folder, key, prefix, yield) {
				return false
			}
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(key, prefix) {
			continue
		}
		if err != nil {
			yield(Object{}, fmt.Errorf("list %s: %w", prefix, folderError(err)))
			return false
		}
		if !yield(Object{key, info.Size(), info.ModTime()}, nil) {
			return false
		}
	}
	return true
}

// Delete removes files.
func (f *folder) Delete(_ context.Context, keys ...string) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
		if err := root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete %s: %w", key, folderError(err))
		}
	}
	return nil
}

// Erase removes the files of a folder, which keeps no versions. It doesn't make a missing folder.
func (f *folder) Erase(ctx context.Context, prefix string) error {
	if err := checkKey(prefix); err != nil {
		return err
	}
	if f.isMissing() {
		return nil
	}
	var keys []string
	for o, err := range f.List(ctx, prefix+"/") {
		if err != nil {
			return err
		}
		keys = append(keys, o.Key)
	}
	return f.Delete(ctx, keys...)
}

// Tidy removes temporary files.
func (f *folder) Tidy(ctx context.Context, before time.Time) error {
	if f.isMissing() {
		return nil
	}
	root, err := f.open()
	if err != nil {
		return err
	}
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		base := path.Base(name)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || entry.IsDir() || !strings.HasPrefix(base, ".") || !strings.HasSuffix(base, ".tmp") {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.ModTime().Before(before) {
			err = root.Remove(name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // finished meanwhile
		}
		return err
	})
}

// folderError adds ErrFull or ErrUnavailable to an error of the file system.
func folderError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, fs.ErrNotExist):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
