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
	"syscall"
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// folder is a Bucket in a folder.
type folder struct {
	root *os.Root
	path string
}

var _ Bucket = (*folder)(nil)

// OpenFolder opens a folder as a bucket. It is created, 0700, if it is missing.
func OpenFolder(path string) (Bucket, error) {
	if err := os.MkdirAll(path, folderMode); err != nil {
		return nil, fmt.Errorf("backup folder: %w", folderError(err))
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("backup folder: %w", folderError(err))
	}
	return &folder{root, path}, nil
}

func (f *folder) String() string { return f.path }

// Put writes a file under another name and renames it.
func (f *folder) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := f.put(ctx, key, r); err != nil {
		return fmt.Errorf("store %s: %w", key, folderError(err))
	}
	return nil
}

func (f *folder) put(ctx context.Context, key string, r io.Reader) (err error) {
	dir := path.Dir(key)
	if err := f.makeFolder(dir); err != nil {
		return err
	}
	temporary := path.Join(dir, "."+rand.Text()+".tmp")
	file, err := f.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, contextReader{ctx, r})
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = f.root.Rename(temporary, key)
	}
	if err != nil {
		return errors.Join(err, f.root.Remove(temporary))
	}
	return f.sync(dir)
}

// makeFolder makes a folder and those above it, durably.
func (f *folder) makeFolder(dir string) error {
	err := f.root.Mkdir(dir, folderMode)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := f.makeFolder(path.Dir(dir)); err != nil {
			return err
		}
		return f.makeFolder(dir)
	case err != nil:
		return err
	}
	return f.sync(path.Dir(dir))
}

func (f *folder) sync(dir string) error {
	file, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Get opens a file.
func (f *folder) Get(_ context.Context, key string) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	file, err := f.root.Open(key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, folderError(err))
	}
	return file, nil
}

// List walks through the folders that can have keys with the prefix.
func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		dir := path.Dir(prefix + "x")
		f.list(ctx, dir, prefix, yield)
	}
}

// list yields the objects below dir and reports whether to go on. Keys are ordered as text, where "a-b/c" comes before
// "a/b": a folder's name counts with the slash that follows it.
func (f *folder) list(ctx context.Context, dir, prefix string, yield func(Object, error) bool) bool {
	entries, err := fs.ReadDir(f.root.FS(), dir)
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
			if begins && !f.list(ctx, key, prefix, yield) {
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
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
		if err := f.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("delete %s: %w", key, folderError(err))
		}
	}
	return nil
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

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
