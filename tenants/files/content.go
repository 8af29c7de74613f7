package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Content is the content of a file. It is read where it is needed: seeking costs nothing until the next Read or Start. It is not safe for
// concurrent use.
type Content struct {
	size, at int64
	open     func(offset int64) (io.ReadCloser, error)
	body     io.ReadCloser // nil unless it is open at the offset
}

var _ io.ReadSeekCloser = (*Content)(nil)

// Start finds the content without reading from it. Returns ErrLost if it isn't there, or the storage's error.
func (c *Content) Start() (err error) {
	if c.body == nil {
		c.body, err = c.open(c.at)
	}
	return err
}

// Read reads from the content, and returns the errors of Start.
func (c *Content) Read(p []byte) (int, error) {
	if c.at >= c.size {
		return 0, io.EOF
	}
	if err := c.Start(); err != nil {
		return 0, err
	}
	n, err := c.body.Read(p)
	c.at += int64(n)
	if errors.Is(err, io.EOF) && c.at < c.size {
		err = io.ErrUnexpectedEOF
	}
	return n, storageError(err)
}

// Seek sets the offset of the next Read.
func (c *Content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: %w", offset, fs.ErrInvalid)
	}
	if offset == c.at {
		return offset, nil
	}
	c.at = offset
	return offset, c.Close()
}

// Close ends reading.
func (c *Content) Close() error {
	if c.body == nil {
		return nil
	}
	err := c.body.Close()
	c.body = nil
	return err
}
