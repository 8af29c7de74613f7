package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"tenantry/tenants"
)

// Snapshot is a tenant's database at one moment, page by page. The caller must close it. It doesn't use the tenant's
// database any more, and is not safe for concurrent use.
type Snapshot struct {
	// PageSize is in bytes, and PageCount the number of pages of the whole database.
	PageSize, PageCount uint32
	// Whole means that all pages are there. If not, those that weren't written since the stamp are left out.
	Whole bool
	// Stamp makes the next snapshot leave out what hasn't changed since this one.
	Stamp Stamp

	copied *os.File          // if Whole: a copy of the database, without a name
	pages  map[uint32][]byte // if not
}

// Stamp identifies the file of a database as it was when a snapshot was taken. The zero Stamp stands for none. It is
// worth nothing after the end of the process, because a power failure can undo a commit that wasn't durable yet.
type Stamp struct {
	file     os.FileInfo
	size     int64
	modified time.Time
}

// stampedAfter is how long ago a file must have been written for its stamp to be used. Within the precision of the
// file system's clock, a second change of the file may leave its time as it was.
const stampedAfter = time.Second

func stampOf(path string) (Stamp, error) {
	info, err := os.Lstat(path)
	if err != nil || time.Since(info.ModTime()) < stampedAfter {
		return Stamp{}, err
	}
	return Stamp{info, info.Size(), info.ModTime()}, nil
}

// equal reports whether the file has not been written since the stamp. Then every later commit is in the -wal file,
// which SQLite only overwrites once it has written its pages to the file.
func (s Stamp) equal(other Stamp) bool {
	return s.file != nil && other.file != nil && os.SameFile(s.file, other.file) && s.size == other.size && s.modified.Equal(other.modified)
}

// Snapshot returns the tenant's database as it is now. since is the Stamp of an earlier snapshot, or zero. The database
// may be in use; the caller must only make sure that it isn't moved or removed meanwhile. Errors are those of Open.
func (e *Engine) Snapshot(ctx context.Context, t *tenants.Tenant, since Stamp) (*Snapshot, error) {
	name, err := fileName(t)
	if err != nil {
		return nil, err
	}
	path, err := e.existingPath(t)
	if err != nil {
		return nil, err
	}
	s, err := takeSnapshot(ctx, path, e.files.path(temporaryName(name)), since, ownedBy(t))
	if err != nil {
		return nil, fmt.Errorf("snapshot of %s: %w", t.Database, unavailable(explainOpen(path, err)))
	}
	return s, nil
}

// SnapshotMaster is Snapshot for the master's file.
func SnapshotMaster(ctx context.Context, path string, since Stamp) (*Snapshot, error) {
	s, err := takeSnapshot(ctx, path, temporaryName(path), since, readOnce)
	if err != nil {
		return nil, fmt.Errorf("snapshot of the master: %w", unavailable(explainOpen(path, err)))
	}
	return s, nil
}

// Written returns when the tenant's database was last written, as the files tell: its time, or that of its -wal file.
func (e *Engine) Written(_ context.Context, t *tenants.Tenant) (time.Time, error) {
	path, info, err := e.existingFile(t)
	if err != nil {
		return time.Time{}, err
	}
	return later(info, path+"-wal")
}

// WrittenFile is Written for the database at path.
func WrittenFile(path string) (time.Time, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return time.Time{}, fileError(err)
	}
	return later(info, path+"-wal")
}

// later returns the later of the times of a file and of another that may be missing.
func later(info fs.FileInfo, other string) (time.Time, error) {
	last := info.ModTime()
	wal, err := os.Lstat(other)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return last, nil
	case err != nil:
		return time.Time{}, fileError(err)
	case wal.ModTime().After(last):
		last = wal.ModTime()
	}
	return last, nil
}

// takeSnapshot takes a snapshot of the database at path. temporary is where a copy of it may lie meanwhile.
func takeSnapshot(ctx context.Context, path, temporary string, since Stamp, verify func(context.Context, rawConn) error) (s *Snapshot, err error) {
	opened, err := connector{dsn: dsn(path, "mode=rw"), verify: verify}.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	conn, ok := opened.(rawConn)
	if !ok {
		return nil, fmt.Errorf("driver's %T can't be used", opened)
	}
	// While the transaction is open, what is committed later isn't written from the -wal file to the database's.
	tx, err := conn.BeginTx(ctx, driver.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	var size, count any
	if err := queryRow(ctx, conn, "SELECT page_size, page_count FROM pragma_page_size, pragma_page_count, sqlite_master LIMIT 1", &size, &count); err != nil {
		return nil, err
	}
	stamp, err := stampOf(path)
	if err != nil {
		return nil, err
	}
	s = &Snapshot{Stamp: stamp}
	s.PageSize, s.PageCount = asPages(size), asPages(count)
	if stamp.equal(since) {
		if s.pages, err = readWAL(path+"-wal", s.PageSize, &s.PageCount); err == nil {
			return s, nil
		}
	}
	s.Whole = true
	s.copied, err = copyToUnnamed(conn, path, temporary)
	return s, err
}

func asPages(value any) uint32 {
	n, _ := value.(int64)
	return uint32(n)
}

// copyToUnnamed copies the connection's database, as its transaction sees it, and returns the copy, whose name is gone.
func copyToUnnamed(conn driver.Conn, path, temporary string) (_ *os.File, err error) {
	file, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, os.Remove(temporary))
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	return file, copyPages(conn, dsn(temporary, "_journal_mode=OFF&_synchronous=OFF"))
}

// Each calls f with the number and the content of each page, in ascending order. f must not keep the content. Each may
// be called again.
func (s *Snapshot) Each(f func(number uint32, page []byte) error) error {
	if s.Whole {
		return s.eachCopied(f)
	}
	numbers := make([]uint32, 0, len(s.pages))
	for number := range s.pages {
		if number <= s.PageCount {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		if err := f(number, s.pages[number]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Snapshot) eachCopied(f func(number uint32, page []byte) error) error {
	const together = 64 // pages read at once
	pages := make([]byte, together*int(s.PageSize))
	in := io.NewSectionReader(s.copied, 0, int64(s.PageCount)*int64(s.PageSize))
	for number := uint32(1); number <= s.PageCount; {
		n := min(together, int(s.PageCount-number)+1)
		read := pages[:n*int(s.PageSize)]
		if _, err := io.ReadFull(in, read); err != nil {
			return fmt.Errorf("read page %d of the copy: %w", number, err)
		}
		for page := range slices.Chunk(read, int(s.PageSize)) {
			if err := f(number, page); err != nil {
				return err
			}
			number++
		}
	}
	return nil
}

// Close releases the snapshot.
func (s *Snapshot) Close() error {
	if s.copied == nil {
		return nil
	}
	return s.copied.Close()
}
