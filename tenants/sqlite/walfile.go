package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
)

// The format of a -wal file is described at https://www.sqlite.org/fileformat2.html#walformat.
const (
	walHeaderSize   = 32
	frameHeaderSize = 24
	// walMagic is the magic number of a file whose checksums read words as little-endian; with the last bit set, as
	// big-endian.
	walMagic = 0x377f0682
	// mostWAL is the size from which a -wal file isn't read into memory.
	mostWAL = 32 << 20
)

var errUnreadableWAL = errors.New("-wal file can't be read")

// readWAL returns the last committed content of each page in a -wal file. If there is a commit, it sets count to the
// number of pages that the database has with it. The file may be written meanwhile.
func readWAL(path string, pageSize uint32, count *uint32) (map[uint32][]byte, error) {
	// SQLite has no locks on this file that closing it could drop.
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, mostWAL))
	if err != nil {
		return nil, err
	}
	if len(content) == mostWAL {
		return nil, fmt.Errorf("%w: it is larger than %d MiB", errUnreadableWAL, mostWAL>>20)
	}
	if len(content) < walHeaderSize {
		return nil, nil
	}
	return committedPages(content, pageSize, count)
}

// committedPages returns the pages of readWAL. The frames after the last commit, and those that an earlier use of the
// file left behind, don't count.
func committedPages(content []byte, pageSize uint32, count *uint32) (map[uint32][]byte, error) {
	magic := binary.BigEndian.Uint32(content)
	if magic&^1 != walMagic || binary.BigEndian.Uint32(content[8:]) != pageSize {
		return nil, errUnreadableWAL
	}
	sum := walSum{bigEndian: magic&1 == 1}
	sum.add(content[:24])
	if !sum.matches(content[24:]) {
		return nil, nil // its header is being written
	}
	salts := binary.BigEndian.Uint64(content[16:])
	committed, pending := map[uint32][]byte{}, map[uint32][]byte{}
	step := frameHeaderSize + int(pageSize)
	for rest := content[walHeaderSize:]; len(rest) >= step; rest = rest[step:] {
		page := rest[frameHeaderSize:step]
		sum.add(rest[:8])
		sum.add(page)
		if binary.BigEndian.Uint64(rest[8:]) != salts || !sum.matches(rest[16:]) {
			break
		}
		pending[binary.BigEndian.Uint32(rest)] = page
		if size := binary.BigEndian.Uint32(rest[4:]); size > 0 {
			maps.Copy(committed, pending)
			clear(pending)
			*count = size
		}
	}
	return committed, nil
}

// walSum is the checksum of a -wal file up to some frame.
type walSum struct {
	bigEndian bool
	a, b      uint32
}

// add adds content, whose length is a multiple of 8.
func (s *walSum) add(content []byte) {
	for ; len(content) >= 8; content = content[8:] {
		if s.bigEndian {
			s.a += binary.BigEndian.Uint32(content) + s.b
			s.b += binary.BigEndian.Uint32(content[4:]) + s.a
		} else {
			s.a += binary.LittleEndian.Uint32(content) + s.b
			s.b += binary.LittleEndian.Uint32(content[4:]) + s.a
		}
	}
}

// matches reports whether the checksum is the one that is stored in the eight bytes.
func (s *walSum) matches(stored []byte) bool {
	return s.a == binary.BigEndian.Uint32(stored) && s.b == binary.BigEndian.Uint32(stored[4:])
}
