// Package pages decodes the pages of LTX files, and computes their checksums, at a fraction of the cost that package ltx has:
// a restore spends most of its time with these.
package pages

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
	"github.com/superfly/ltx"
)

// Decoder decodes an LTX file. It is not safe for concurrent use.
type Decoder struct {
	r       *bufio.Reader
	header  ltx.Header
	trailer ltx.Trailer
	crc     uint64 // of what was read, with pages as they are when decoded
	last    uint32 // the number of the last page
}

// bufferSize is larger than any page when compressed.
const bufferSize = 256 << 10

// NewDecoder returns a Decoder that reads from r. It reads ahead. Errors of r are returned as they are.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: bufio.NewReaderSize(r, bufferSize)} }

// Header reads the file's header. It must be called once, before anything else.
func (d *Decoder) Header() (ltx.Header, error) {
	b, err := d.next(ltx.HeaderSize)
	if err != nil {
		return d.header, err
	}
	d.crc = update(d.crc, b)
	if err := d.header.UnmarshalBinary(b); err != nil {
		return d.header, err
	}
	return d.header, d.header.Validate()
}

// next returns the next n bytes, at most bufferSize, which are there until it is called again.
func (d *Decoder) next(n int) ([]byte, error) {
	b, err := d.r.Peek(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	_, err = d.r.Discard(n)
	return b, err
}

// Page decodes the next page into page, which must have the size of a page, and returns its number. Returns io.EOF after the
// last.
func (d *Decoder) Page(page []byte) (number uint32, err error) {
	b, err := d.next(ltx.PageHeaderSize)
	if err != nil {
		return 0, err
	}
	d.crc = update(d.crc, b)
	var header ltx.PageHeader
	if err := header.UnmarshalBinary(b); err != nil {
		return 0, err
	}
	if header.IsZero() {
		return 0, io.EOF
	}
	if header.Flags != ltx.PageHeaderFlagSize {
		return 0, fmt.Errorf("page %d has the flags %#x", header.Pgno, header.Flags)
	}
	if header.Pgno <= d.last || header.Pgno > d.header.Commit {
		return 0, fmt.Errorf("page %d of %d comes after page %d", header.Pgno, d.header.Commit, d.last)
	}
	d.last = header.Pgno
	return header.Pgno, d.content(page)
}

// content decodes the content of a page.
func (d *Decoder) content(page []byte) error {
	b, err := d.next(4)
	if err != nil {
		return err
	}
	d.crc = update(d.crc, b)
	size := binary.BigEndian.Uint32(b)
	if size > bufferSize {
		return fmt.Errorf("page %d has %d bytes when compressed", d.last, size)
	}
	if b, err = d.next(int(size)); err != nil {
		return err
	}
	n, err := lz4.UncompressBlock(b, page)
	if err != nil {
		return fmt.Errorf("page %d: %w", d.last, err)
	}
	if n != len(page) {
		return fmt.Errorf("page %d has %d bytes", d.last, n)
	}
	d.crc = update(d.crc, page)
	return nil
}

// Close reads the rest of the file after its last page, which is an index of the pages, and compares the file's checksum with
// that of what was read.
func (d *Decoder) Close() error {
	for {
		b, err := d.r.Peek(bufferSize)
		ends := errors.Is(err, io.EOF)
		if err != nil && !ends {
			return err
		}
		if len(b) < ltx.TrailerSize {
			return io.ErrUnexpectedEOF
		}
		index := len(b) - ltx.TrailerSize
		d.crc = update(d.crc, b[:index])
		if ends {
			return d.end(b[index:])
		}
		if _, err := d.r.Discard(index); err != nil {
			return err
		}
	}
}

func (d *Decoder) end(trailer []byte) error {
	if err := d.trailer.UnmarshalBinary(trailer); err != nil {
		return err
	}
	d.crc = update(d.crc, trailer[:ltx.TrailerChecksumOffset])
	if ltx.ChecksumFlag|ltx.Checksum(d.crc) != d.trailer.FileChecksum {
		return ltx.ErrChecksumMismatch
	}
	return nil
}

// PostApplyPos returns the position of a database to which the file was applied. Close must have returned nil.
func (d *Decoder) PostApplyPos() ltx.Pos {
	return ltx.Pos{TXID: d.header.MaxTXID, PostApplyChecksum: d.trailer.PostApplyChecksum}
}
