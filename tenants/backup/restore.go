package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
)

// Restored says what Restore has made.
type Restored struct {
	// At is when the state of the database was stored: everything committed until then is in it.
	At time.Time `json:"at"`
	// Files is the number of files that were read, and Size the size of the database, in bytes.
	Files int   `json:"files"`
	Size  int64 `json:"size"`
}

// Restore makes a new file, 0600, of a database as it was at a time, or as it was last if the time is zero. It checks
// the checksum of each file that it reads and of the result. Returns ErrNoBackup if there is no backup from that time
// or before, ErrDamaged if what is stored is not what it should be, bucket.ErrUnavailable if it can't be reached,
// ErrScratch if the file can't be written, and a *tenants.RoomError if its disk has too little room; the file is removed then.
func (b *Backups) Restore(ctx context.Context, id string, at time.Time, to string) (r Restored, err error) {
	for range restoreTries {
		r, err = b.restore(ctx, id, at, to)
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrScratch) {
			return r, err
		}
	}
	return r, fmt.Errorf("%w: %w", ErrDamaged, err)
}

// restoreTries is how often a restore begins anew because a file was removed, as those are that were merged, after it was
// listed.
const restoreTries = 3

func (b *Backups) restore(ctx context.Context, id string, at time.Time, to string) (r Restored, err error) {
	chain, err := b.chain(ctx, id, at)
	if err != nil {
		return r, err
	}
	target, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrScratch, err)
	}
	defer func() {
		err = errors.Join(err, target.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(to))
		}
	}()
	re := restoring{target: target, free: b.o.Free}
	for _, f := range chain {
		if err := b.apply(ctx, &re, f); err != nil {
			return r, err
		}
	}
	if err := target.Sync(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrScratch, err)
	}
	return Restored{re.at, len(chain), int64(re.pages) * int64(re.pageSize)}, nil
}

// restoring is a database that is being restored.
type restoring struct {
	target          *os.File
	pageSize, pages uint32
	position        ltx.Pos      // after the last file
	sum             ltx.Checksum // of the database's pages
	page            []byte       // for reading one
	at              time.Time
	free            func(dir string) (free int64, known bool)
}

func (b *Backups) apply(ctx context.Context, re *restoring, f file) error {
	o, err := b.open(ctx, f)
	if err != nil {
		return err
	}
	defer o.body.Close()
	return damaged(f, re.apply(ctx, o))
}

// damaged makes ErrDamaged of an error that tells of a file's content, and not of what prevented reading or writing it.
func damaged(f file, err error) error {
	for _, other := range []error{nil, bucket.ErrUnavailable, ErrScratch, tenants.ErrFull, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, other) {
			return err
		}
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, f.Key, err)
}

func (re *restoring) apply(ctx context.Context, o opened) error {
	before := o.header.PreApplyPos()
	if re.pageSize == 0 {
		re.pageSize = o.header.PageSize
		if err := re.checkRoom(int64(o.header.Commit) * int64(o.header.PageSize)); err != nil {
			return err
		}
	}
	if o.header.PageSize != re.pageSize {
		return fmt.Errorf("its pages have %d bytes and not %d", o.header.PageSize, re.pageSize)
	}
	if o.header.NoChecksum() {
		return errors.New("it has no checksum of the database")
	}
	if before.TXID == re.position.TXID && before != re.position {
		return errors.New("it does not follow the file before it")
	}
	put := re.replace
	if o.header.IsSnapshot() {
		put = re.write // the decoder compares the checksum of what it has decoded
	} else if err := re.shrink(o.header.Commit); err != nil {
		return err
	}
	if err := decode(ctx, o, put); err != nil {
		return err
	}
	re.position, re.at = o.decoder.PostApplyPos(), o.at()
	if o.header.IsSnapshot() {
		re.pages, re.sum = o.header.Commit, re.position.PostApplyChecksum
	}
	re.grow(o.header.Commit)
	if err := re.target.Truncate(int64(re.pages) * int64(re.pageSize)); err != nil {
		return fmt.Errorf("%w: %w", ErrScratch, err)
	}
	if re.sum != re.position.PostApplyChecksum {
		return fmt.Errorf("the restored database's checksum is %s and should be %s", re.sum, re.position.PostApplyChecksum)
	}
	return nil
}

// decode calls put for each page of a file, and compares the file's checksums.
func decode(ctx context.Context, o opened, put func(page []byte, number uint32) error) error {
	var header ltx.PageHeader
	page := make([]byte, o.header.PageSize)
	for {
		err := o.decoder.DecodePage(&header, page)
		if errors.Is(err, io.EOF) {
			return o.decoder.Close()
		}
		if err == nil {
			err = put(page, header.Pgno)
		}
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// checkRoom returns a *tenants.RoomError if the target's disk has no room for a file of the size.
func (re *restoring) checkRoom(size int64) error {
	if re.free == nil {
		return nil
	}
	dir := filepath.Dir(re.target.Name())
	if free, known := re.free(dir); known && free < size {
		return &tenants.RoomError{Where: "the disk of " + dir, Need: size, Free: free}
	}
	return nil
}

func (re *restoring) write(page []byte, number uint32) error {
	if _, err := re.target.WriteAt(page, int64(number-1)*int64(re.pageSize)); err != nil {
		return fmt.Errorf("%w: %w", ErrScratch, err)
	}
	return nil
}

// replace writes a page of a database that is there, and keeps the sum. New pages come in the order of their numbers.
func (re *restoring) replace(page []byte, number uint32) error {
	if number <= re.pages {
		if err := re.takeAway(number); err != nil {
			return err
		}
	} else {
		re.grow(number - 1)
		re.pages = number
	}
	re.add(page, number)
	return re.write(page, number)
}

// grow adds pages, which are zeros as long as no file has them.
func (re *restoring) grow(pages uint32) {
	for ; re.pages < pages; re.pages++ {
		re.add(make([]byte, re.pageSize), re.pages+1)
	}
}

// shrink takes away the last pages.
func (re *restoring) shrink(pages uint32) error {
	for ; re.pages > pages; re.pages-- {
		if err := re.takeAway(re.pages); err != nil {
			return err
		}
	}
	return nil
}

// takeAway takes a page that is in the file from the sum.
func (re *restoring) takeAway(number uint32) error {
	if re.page == nil {
		re.page = make([]byte, re.pageSize)
	}
	if _, err := re.target.ReadAt(re.page, int64(number-1)*int64(re.pageSize)); err != nil {
		return fmt.Errorf("%w: read it: %w", ErrScratch, err)
	}
	re.add(re.page, number)
	return nil
}

// add adds a page to the sum, or takes it away. SQLite's lock is on a page that counts for nothing.
func (re *restoring) add(page []byte, number uint32) {
	if number != ltx.LockPgno(re.pageSize) {
		re.sum = ltx.ChecksumFlag | (re.sum ^ ltx.ChecksumPage(number, page))
	}
}
