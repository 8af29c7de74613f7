package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/migrate"
)

// copiesDir is the folder of copies from before migrations. It is made with the first one.
const copiesDir = "copies"

var _ tenants.Copier = (*Engine)(nil)

var runPattern = regexp.MustCompile(`^[0-9a-z]{26}$`)

// copyName returns the path of a run's copy of the tenant's file.
func copyName(t *tenants.Tenant, run string) (string, error) {
	if _, err := fileName(t); err != nil {
		return "", err
	}
	if !runPattern.MatchString(run) {
		return "", fmt.Errorf("%q is not the id of a migration run", run)
	}
	return filepath.Join(copiesDir, run+"-"+t.Database), nil
}

// CheckRoom returns ErrFull if so many bytes would leave the disk so full that tenants can't write.
func (e *Engine) CheckRoom(need int64) error {
	free, total, err := e.Free()
	if err != nil {
		return fileError(err)
	}
	if kept := min(1<<30, total/20); total > 0 && free-need < kept {
		return fmt.Errorf("%w: it needs up to %d bytes, the disk has %d left, and %d are kept free", tenants.ErrFull, need, free, kept)
	}
	return nil
}

// KeepCopy copies the tenant's file page by page, and gives the copy its name when it is durable.
func (e *Engine) KeepCopy(ctx context.Context, t *tenants.Tenant, run string) (bytes int64, err error) {
	name, err := copyName(t, run)
	if err != nil {
		return 0, err
	}
	path, err := e.existingPath(t)
	if err != nil {
		return 0, err
	}
	if bytes, err = e.Size(ctx, t); err == nil {
		err = e.CheckRoom(bytes)
	}
	if err == nil {
		err = e.makeCopies()
	}
	if err == nil {
		err = e.keepCopy(ctx, t, path, name)
	}
	if err != nil {
		return 0, fmt.Errorf("copy %s: %w", t.Database, unavailable(explainOpen(path, fileError(err))))
	}
	return bytes, nil
}

// makeCopies makes the folder of copies.
func (e *Engine) makeCopies() error {
	err := os.Mkdir(e.files.path(copiesDir), folderMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// madeCopies reports whether there is a folder of copies.
func (e *Engine) madeCopies() (bool, error) {
	_, err := os.Stat(e.files.path(copiesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (e *Engine) keepCopy(ctx context.Context, t *tenants.Tenant, path, name string) (err error) {
	if err := e.removeCopies(func(base string) bool { return strings.HasPrefix(base, filepath.Base(name)+".") }); err != nil {
		return err // what a process that died has left
	}
	temporary := temporaryName(name)
	defer func() { err = errors.Join(err, e.removeDatabase(temporary)) }()
	if err := e.writeNew(temporary, nil); err != nil {
		return err
	}
	conn, err := connector{dsn: dsn(path, "mode=rw"), verify: ownedBy(t)}.Connect(ctx)
	if err != nil {
		return err
	}
	err = copyPages(conn, dsn(e.files.path(temporary), "_journal_mode=OFF&_synchronous=OFF"))
	if err = errors.Join(err, conn.Close()); err != nil {
		return err
	}
	if err := e.files.sync(temporary); err != nil {
		return err
	}
	return errors.Join(e.files.rename(temporary, name), e.files.sync(copiesDir))
}

// PutBack removes the sidecars of the tenant's file and gives its name to the copy. Then it gives the file
// the present time, so that a backup is made of it: the times of files tell backups what was written.
func (e *Engine) PutBack(ctx context.Context, t *tenants.Tenant, run string, version int64) error {
	from, err := copyName(t, run)
	if err != nil {
		return err
	}
	name, err := fileName(t)
	if err != nil {
		return err
	}
	kept, err := e.hasCopy(from)
	if err == nil && !kept {
		err = e.checkPutBack(ctx, t, version)
	}
	if err == nil && kept {
		err = e.putBack(ctx, name, from)
	}
	if err == nil {
		now := time.Now()
		err = errors.Join(os.Chtimes(e.files.path(name), now, now), e.files.sync(name))
	}
	if err != nil {
		return fmt.Errorf("put back the copy of %s: %w", t.Database, unavailable(fileError(err)))
	}
	return nil
}

// checkPutBack returns ErrNoCopy unless the tenant's file has that version, as after PutBack.
func (e *Engine) checkPutBack(ctx context.Context, t *tenants.Tenant, version int64) (err error) {
	path, err := e.existingPath(t)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, readerParams), verify: ownedBy(t)})
	defer func() { err = errors.Join(err, db.Close()) }()
	if now, err := migrate.Current(ctx, db); err != nil || now != version {
		return errors.Join(tenants.ErrNoCopy, err)
	}
	return nil
}

func (e *Engine) putBack(ctx context.Context, name, from string) error {
	if err := e.emptyWAL(ctx, name); err != nil {
		return err
	}
	for _, suffix := range sidecars() { // they don't belong to the copy
		if exists, err := e.files.exists(name + suffix); err != nil {
			return err
		} else if exists {
			if err := e.files.remove(name + suffix); err != nil {
				return err
			}
		}
	}
	if err := e.files.sync(tenantsDir); err != nil {
		return err
	}
	err := e.files.rename(from, name)
	if errors.Is(err, syscall.EXDEV) {
		return e.moveAcross(ctx, from, name)
	}
	return errors.Join(err, e.files.sync(tenantsDir), e.files.sync(copiesDir))
}

// emptyWAL moves what is in the -wal file into the database's, so that nothing is lost if the copy can't be put back. A
// damaged file, which may be why the copy is put back, is left as it is.
func (e *Engine) emptyWAL(ctx context.Context, name string) (err error) {
	if exists, err := e.files.exists(name); err != nil || !exists {
		return err
	}
	db := sql.OpenDB(connector{dsn: dsn(e.files.path(name), "mode=rw")})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	var busy, log, done int
	err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	switch code := resultCode(err) & 0xff; {
	case code == codeCorrupt, code == codeNotADB:
		return nil
	case err == nil && busy != 0:
		return fmt.Errorf("%w: another program uses %s", tenants.ErrUnavailable, name)
	}
	return err
}

// hasCopy reports whether there is a copy of that name.
func (e *Engine) hasCopy(name string) (bool, error) {
	if made, err := e.madeCopies(); err != nil || !made {
		return false, err
	}
	return e.files.exists(name)
}

// RemoveCopies removes all copies of a run.
func (e *Engine) RemoveCopies(_ context.Context, run string) error {
	if !runPattern.MatchString(run) {
		return fmt.Errorf("%q is not the id of a migration run", run)
	}
	err := e.removeCopies(func(base string) bool { return strings.HasPrefix(base, run+"-") })
	if err != nil {
		return fmt.Errorf("remove copies of run %s: %w", run, fileError(err))
	}
	return nil
}

// removeCopies removes the files in the folder of copies for which which returns true.
func (e *Engine) removeCopies(which func(base string) bool) error {
	if made, err := e.madeCopies(); err != nil || !made {
		return err
	}
	names, err := e.files.names(copiesDir)
	if err != nil {
		return err
	}
	removed := false
	for _, base := range names {
		if !which(base) {
			continue
		}
		removed = true
		if err := e.files.remove(filepath.Join(copiesDir, base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !removed {
		return nil
	}
	return e.files.sync(copiesDir)
}
