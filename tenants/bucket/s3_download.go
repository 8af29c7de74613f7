package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// download reads an object. When the connection is lost, it asks for the rest of the same object.
type download struct {
	ctx      context.Context
	b        *s3Bucket
	key      string
	body     io.ReadCloser
	etag     string
	at, size int64
	lost     int // connections
}

// Read returns an error that wraps ErrUnavailable if the object can't be read to its end.
func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.body.Read(p)
		d.at += int64(n)
		switch {
		case n > 0 || len(p) == 0:
			return n, nil
		case errors.Is(err, io.EOF) && d.at == d.size:
			return 0, io.EOF
		case err == nil:
			continue
		}
		if err := d.resume(err); err != nil {
			return 0, fmt.Errorf("read %s: %w", d.key, err)
		}
	}
}

// resume asks for what is missing, after a pause.
func (d *download) resume(err error) error {
	d.lost++
	if d.lost == tries || d.ctx.Err() != nil {
		return d.b.explain(d.ctx, err)
	}
	select {
	case <-time.After(time.Duration(d.lost) * 200 * time.Millisecond):
	case <-d.ctx.Done():
		return context.Cause(d.ctx)
	}
	var options minio.GetObjectOptions
	if err := errors.Join(options.SetRange(d.at, 0), options.SetMatchETag(d.etag)); err != nil {
		return d.b.explain(d.ctx, err)
	}
	if d.at == 0 {
		options = minio.GetObjectOptions{}
	}
	body, _, _, err := d.b.core.GetObject(d.ctx, d.b.Bucket, d.b.prefix+d.key, options)
	if err != nil {
		return d.b.explain(d.ctx, err)
	}
	d.body.Close()
	d.body = body
	return nil
}

// Close ends the download.
func (d *download) Close() error { return d.body.Close() }
