package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants"
	"tenantry/tenants/backup/pages"
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
	if err := b.readAhead(ctx, chain, re.apply); err != nil {
		return r, err
	}
	if err := target.Sync(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrScratch, err)
	}
	return Restored{re.at, len(chain), int64(len(re.sums)) * int64(re.pageSize)}, nil
}

// restoring is a database that is being restored.
type restoring struct {
	target   *os.File
	pageSize uint32
	position ltx.Pos        // after the last file
	sum      ltx.Checksum   // of all pages
	sums     []ltx.Checksum // of page 1 and so on
	at       time.Time
	free     func(dir string) (free int64, known bool)
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

// apply writes some pages of a file.
func (re *restoring) apply(p *part) error {
	if p.first {
		if err := re.begin(p.file.header); err != nil {
			return err
		}
	}
	for i, number := range p.numbers {
		re.grow(number - 1)
		if int(number) > len(re.sums) {
			re.sums = append(re.sums, 0)
		}
		re.set(number, pages.Checksum(number, p.page(i)))
	}
	if err := re.write(p); err != nil || !p.last {
		return err
	}
	return re.end(p.file)
}

// begin prepares for the pages of a file.
func (re *restoring) begin(header ltx.Header) error {
	before := header.PreApplyPos()
	if re.pageSize == 0 {
		re.pageSize = header.PageSize
		if err := re.checkRoom(int64(header.Commit) * int64(header.PageSize)); err != nil {
			return err
		}
	}
	if header.PageSize != re.pageSize {
		return fmt.Errorf("its pages have %d bytes and not %d", header.PageSize, re.pageSize)
	}
	if header.NoChecksum() {
		return errors.New("it has no checksum of the database")
	}
	if before.TXID == re.position.TXID && before != re.position {
		return errors.New("it does not follow the file before it")
	}
	re.shrink(header.Commit)
	return nil
}

// end compares the database with the checksum that it has after a file.
func (re *restoring) end(o opened) error {
	re.position, re.at = o.decoder.PostApplyPos(), o.at()
	re.grow(o.header.Commit)
	if err := re.target.Truncate(int64(len(re.sums)) * int64(re.pageSize)); err != nil {
		return fmt.Errorf("%w: %w", ErrScratch, err)
	}
	if re.sum != re.position.PostApplyChecksum {
		return fmt.Errorf("the restored database's checksum is %s and should be %s", re.sum, re.position.PostApplyChecksum)
	}
	return nil
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

// write writes pages: those that follow one another at once.
func (re *restoring) write(p *part) error {
	size := int(re.pageSize)
	for from, to := 0, 0; from < len(p.numbers); from = to {
		for to = from + 1; to < len(p.numbers) && p.numbers[to] == p.numbers[to-1]+1; {
			to++
		}
		if _, err := re.target.WriteAt(p.pages[from*size:to*size], int64(p.numbers[from]-1)*int64(size)); err != nil {
			return fmt.Errorf("%w: %w", ErrScratch, err)
		}
	}
	return nil
}

// grow adds pages, which are zeros as long as no file has them.
func (re *restoring) grow(count uint32) {
	for n := uint32(len(re.sums)); n < count; n++ {
		re.sums = append(re.sums, 0)
		re.set(n+1, pages.Checksum(n+1, make([]byte, re.pageSize)))
	}
}

// shrink takes away the last pages.
func (re *restoring) shrink(count uint32) {
	for n := uint32(len(re.sums)); n > count; n-- {
		re.set(n, 0)
		re.sums = re.sums[:n-1]
	}
}

// set notes the checksum of a page. SQLite's lock is on a page that counts for nothing.
func (re *restoring) set(number uint32, sum ltx.Checksum) {
	if number != ltx.LockPgno(re.pageSize) {
		re.sum = ltx.ChecksumFlag | (re.sum ^ re.sums[number-1] ^ sum)
		re.sums[number-1] = sum
	}
}
