package lifecycle

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"tenantry/tenants/portable"
)

// Scratch makes a new folder for files that are used once. The caller must call remove.
type Scratch func() (dir string, remove func() error, err error)

// Download is a portable file to read once.
type Download struct {
	*os.File
	About portable.About
	// Size is the file's size in bytes.
	Size   int64
	remove func() error
}

// Close closes the file and removes it.
func (d *Download) Close() error { return errors.Join(d.File.Close(), d.remove()) }

// Download is like Export, with a file that exists until the caller closes it. e.Path is ignored.
func (m *Manager) Download(ctx context.Context, by Operator, subdomain string, e Export) (d *Download, err error) {
	dir, remove, err := m.scratch()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, remove())
		}
	}()
	e.Path = filepath.Join(dir, "exported.db")
	about, err := m.Export(ctx, by, subdomain, e)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(e.Path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Download{file, about, info.Size(), remove}, nil
}

// temporaryFolder makes a folder among the system's temporary files.
func temporaryFolder() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "tenantry-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}
