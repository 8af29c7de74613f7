package bucket

import (
	"context"
	"errors"
	"io"
)

// source reads what is to be stored until its context ends. It keeps its error apart from those of the storage.
type source struct {
	ctx context.Context
	r   io.Reader
	err error // unless it is io.EOF
}

// Read reads unless the context has ended.
func (s *source) Read(p []byte) (n int, err error) {
	if s.ctx.Err() != nil {
		s.err = context.Cause(s.ctx)
		return 0, s.err
	}
	if n, err = s.r.Read(p); err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
