package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"
)

// The folders may be on different file systems. Then a move copies the file to a temporary name in the
// other folder, syncs it, gives it its name, and only then removes the original. If the process dies in
// between, it leaves a temporary file, or two files with the same content; calling move again
// completes either.

// moveAcross moves a file to a folder on another file system.
func (e *Engine) moveAcross(ctx context.Context, from, to string) error {
	if strings.HasSuffix(from, "-shm") {
		return e.removeDurably(from) // SQLite rebuilds it from the -wal
	}
	temporary := temporaryName(to)
	err := e.copyFile(ctx, from, temporary)
	if err == nil {
		err = e.files.rename(temporary, to)
	}
	if err != nil {
		return errors.Join(err, e.removeDatabase(temporary))
	}
	if err := e.files.sync(filepath.Dir(to)); err != nil {
		return err
	}
	return e.removeDurably(from)
}

// removeDurably removes a file durably.
func (e *Engine) removeDurably(name string) error {
	return errors.Join(e.files.remove(name), e.files.sync(filepath.Dir(name)))
}

// temporaryName returns a name for a file until it is complete. The temporary name of a sidecar is that
// of its database plus the sidecar's suffix.
func temporaryName(name string) string {
	database := withoutSidecar(name)
	return database + "." + ulid.Make().String() + ".tmp" + strings.TrimPrefix(name, database)
}

// copyFile makes a durable copy of a file under a name that doesn't exist yet.
func (e *Engine) copyFile(ctx context.Context, from, to string) (err error) {
	source, err := e.files.openFile(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := e.files.openFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if _, err := io.Copy(target, untilDone{ctx, source}); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return target.Sync()
}

// untilDone is a reader that fails once its context has ended.
type untilDone struct {
	ctx context.Context
	io.Reader
}

// Read returns the context's error if it has ended.
func (r untilDone) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// sameFiles reports whether two files are regular and have the sameFiles content. Neither may be an open
// database: closing the file again would drop SQLite's locks.
func (e *Engine) sameFiles(ctx context.Context, one, other string) (bool, error) {
	a, err := e.files.lstat(one)
	if err != nil {
		return false, err
	}
	b, err := e.files.lstat(other)
	if err != nil || !a.Mode().IsRegular() || !b.Mode().IsRegular() || a.Size() != b.Size() {
		return false, err
	}
	first, err := e.files.openFile(one, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer first.Close()
	second, err := e.files.openFile(other, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer second.Close()
	return sameContent(untilDone{ctx, first}, untilDone{ctx, second})
}

func sameContent(a, b io.Reader) (bool, error) {
	const chunk = 64 << 10
	var left, right [chunk]byte
	for {
		n, err := io.ReadFull(a, left[:])
		m, other := io.ReadFull(b, right[:])
		if !bytes.Equal(left[:n], right[:m]) {
			return false, nil
		}
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case ended && (errors.Is(other, io.EOF) || errors.Is(other, io.ErrUnexpectedEOF)):
			return true, nil
		case err != nil || other != nil:
			return false, errors.Join(err, other)
		}
	}
}
