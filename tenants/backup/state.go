package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/superfly/ltx"

	"tenantry/tenants/backup/queue"
	"tenantry/tenants/sqlite"
)

// state is what is stored of a tenant: the checksum of each page, and the position in the history. It is kept in a file
// of the data folder. Without it, everything is stored again.
type state struct {
	txid     ltx.TXID
	pageSize uint32
	sums     []ltx.Checksum // of page 1 and so on; 0 for a page without content, which no backup has
	at       time.Time      // when the snapshot was taken
}

// stateMagic is what a state's file begins with. The last byte is the version of its format.
const stateMagic = "TnRyBak\x01"

var errBadState = errors.New("state is damaged")

// checksum returns LTX's checksum of the whole database.
func (s *state) checksum() ltx.Checksum {
	var all ltx.Checksum
	for _, sum := range s.sums {
		all ^= sum
	}
	return ltx.ChecksumFlag | all
}

func (s *state) marshal() []byte {
	b := make([]byte, 0, len(stateMagic)+32+8*len(s.sums))
	b = append(b, stateMagic...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.txid))
	b = binary.BigEndian.AppendUint64(b, uint64(s.at.UnixNano()))
	b = binary.BigEndian.AppendUint32(b, s.pageSize)
	b = binary.BigEndian.AppendUint32(b, uint32(len(s.sums)))
	for _, sum := range s.sums {
		b = binary.BigEndian.AppendUint64(b, uint64(sum))
	}
	return binary.BigEndian.AppendUint64(b, crc64.Checksum(b, crc64.MakeTable(crc64.ISO)))
}

func unmarshalState(b []byte) (*state, error) {
	const fixed = len(stateMagic) + 24 // up to the checksums of the pages
	if len(b) < fixed+8 || !bytes.HasPrefix(b, []byte(stateMagic)) {
		return nil, errBadState
	}
	content, stored := b[:len(b)-8], b[len(b)-8:]
	if binary.BigEndian.Uint64(stored) != crc64.Checksum(content, crc64.MakeTable(crc64.ISO)) {
		return nil, errBadState
	}
	head, pages := content[len(stateMagic):fixed], content[fixed:]
	s := &state{
		txid:     ltx.TXID(binary.BigEndian.Uint64(head)),
		at:       time.Unix(0, int64(binary.BigEndian.Uint64(head[8:]))),
		pageSize: binary.BigEndian.Uint32(head[16:]),
		sums:     make([]ltx.Checksum, len(pages)/8),
	}
	if len(pages) != 8*int(binary.BigEndian.Uint32(head[20:])) {
		return nil, errBadState
	}
	for i := range s.sums {
		s.sums[i] = ltx.Checksum(binary.BigEndian.Uint64(pages[8*i:]))
	}
	return s, nil
}

// stateFile is the file of a database's state. While it is open, no other backup of the database runs, in any process.
type stateFile struct {
	*os.File
	id string
}

// openState opens a database's state, and waits until it is free. The caller must close it.
func (b *Backups) openState(ctx context.Context, id string) (*stateFile, error) {
	path := filepath.Join(b.o.Dir, id+".pages")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(b.o.Dir, 0o700); err == nil {
			file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open what is known of backups: %w", err)
	}
	for {
		free, err := sqlite.TryLock(file)
		if free {
			return &stateFile{file, id}, nil
		}
		queue.Wait(ctx, lockInterval)
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
}

// StoredAt returns when the last backup of a database that was made here began, or the zero time. It doesn't ask the storage.
func (b *Backups) StoredAt(id string) (time.Time, error) {
	file, err := os.Open(filepath.Join(b.o.Dir, id+".pages"))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	defer file.Close()
	head := make([]byte, len(stateMagic)+16)
	if _, err := io.ReadFull(file, head); err != nil || !bytes.HasPrefix(head, []byte(stateMagic)) {
		return time.Time{}, nil
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(head[len(stateMagic)+8:]))), nil
}

// Forget makes the next backup of a tenant store the whole database.
func (b *Backups) Forget(ctx context.Context, id string) error {
	file, err := b.openState(ctx, id)
	if err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.stored, id)
	b.mu.Unlock()
	return errors.Join(file.Truncate(0), file.Close())
}

// lockInterval is how often a state that another process uses is tried.
const lockInterval = 20 * time.Millisecond

// load returns the state, or nil if there is none that can be used.
func (f *stateFile) load(log *slog.Logger) (*state, error) {
	content, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
	if err != nil {
		return nil, fmt.Errorf("read what is known of backups: %w", err)
	}
	if len(content) == 0 {
		return nil, nil
	}
	s, err := unmarshalState(content)
	if err != nil {
		log.Warn("what was backed up is not known any more, so that everything is stored again", "database", f.id)
		return nil, nil
	}
	return s, nil
}

// save replaces the state. If the process dies meanwhile, the state is damaged, and everything is stored again.
func (f *stateFile) save(s *state) error {
	content := s.marshal()
	_, err := f.WriteAt(content, 0)
	if err == nil {
		err = f.Truncate(int64(len(content)))
	}
	if err != nil {
		return fmt.Errorf("note what was backed up: %w", err)
	}
	return nil
}

// advance returns the state after a snapshot, and the numbers of the pages that differ from s. It reports false if
// the snapshot leaves out pages that s doesn't know.
func (s *state) advance(snapshot *sqlite.Snapshot, at time.Time) (next *state, changed pageSet, complete bool, err error) {
	next = &state{txid: s.txid + 1, pageSize: snapshot.PageSize, sums: make([]ltx.Checksum, snapshot.PageCount), at: at}
	copy(next.sums, s.sums)
	changed = pageSet{has: make([]bool, snapshot.PageCount)}
	hash := ltx.NewHasher()
	lock := ltx.LockPgno(snapshot.PageSize)
	err = snapshot.Each(func(number uint32, page []byte) error {
		if number == lock {
			return nil
		}
		if sum := ltx.ChecksumPageWithHasher(hash, number, page); next.sums[number-1] != sum {
			next.sums[number-1] = sum
			changed.add(number)
		}
		return nil
	})
	complete = true
	for i := len(s.sums); i < len(next.sums); i++ {
		complete = complete && (next.sums[i] != 0 || uint32(i+1) == lock)
	}
	return next, changed, complete, err
}

// pageSet is a set of the numbers of pages.
type pageSet struct {
	has   []bool // of page 1 and so on
	count int
}

func (p *pageSet) add(number uint32) {
	if !p.has[number-1] {
		p.has[number-1] = true
		p.count++
	}
}
