package bucket

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// An object is sent in parts of partSize, each held in memory, so that it can be sent again. S3 has up to 10,000 parts.
const (
	partSize  = 16 << 20
	mostParts = 10_000
)

// Put sends a small object with one request, and a larger one in parts. The server makes the object when it has all.
func (b *s3Bucket) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := b.put(ctx, b.prefix+key, &source{ctx: ctx, r: r}); err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return nil
}

func (b *s3Bucket) put(ctx context.Context, name string, r io.Reader) error {
	var part bytes.Buffer
	more, err := fill(&part, r)
	if err != nil {
		return err
	}
	if more {
		return b.putParts(ctx, name, &part, r)
	}
	_, err = b.core.PutObject(ctx, b.Bucket, name, bytes.NewReader(part.Bytes()), int64(part.Len()), checksum(&part), "", minio.PutObjectOptions{})
	return b.explain(ctx, err)
}

// putParts sends the first part and what r has beyond it. After an error the server is told to forget the parts.
func (b *s3Bucket) putParts(ctx context.Context, name string, part *bytes.Buffer, r io.Reader) error {
	upload, err := b.core.NewMultipartUpload(ctx, b.Bucket, name, minio.PutObjectOptions{})
	if err != nil {
		return b.explain(ctx, err)
	}
	parts, err := b.sendParts(ctx, name, upload, part, r)
	if err == nil {
		_, err = b.core.CompleteMultipartUpload(ctx, b.Bucket, name, upload, parts, minio.PutObjectOptions{})
		err = b.explain(ctx, err)
	}
	if err != nil {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_ = b.core.AbortMultipartUpload(after, b.Bucket, name, upload) // the first error says more
	}
	return err
}

func (b *s3Bucket) sendParts(ctx context.Context, name, upload string, part *bytes.Buffer, r io.Reader) (parts []minio.CompletePart, err error) {
	for more := true; part.Len() > 0; {
		number := len(parts) + 1
		if number > mostParts {
			return nil, fmt.Errorf("%w: an object is larger than %d GB", ErrFull, int64(partSize)*mostParts/1_000_000_000)
		}
		sent, err := b.core.PutObjectPart(ctx, b.Bucket, name, upload, number, bytes.NewReader(part.Bytes()), int64(part.Len()),
			minio.PutObjectPartOptions{Md5Base64: checksum(part)})
		if err != nil {
			return nil, b.explain(ctx, err)
		}
		parts = append(parts, minio.CompletePart{PartNumber: number, ETag: sent.ETag})
		part.Reset()
		if more {
			if more, err = fill(part, r); err != nil {
				return nil, err
			}
		}
	}
	return parts, nil
}

// fill reads a part and reports whether there may be more.
func fill(part *bytes.Buffer, r io.Reader) (more bool, err error) {
	_, err = io.CopyN(part, r, partSize)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return true, err
}

// checksum is compared by the server with what it has received. Servers that lock objects require it.
func checksum(part *bytes.Buffer) string {
	sum := md5.Sum(part.Bytes())
	return base64.StdEncoding.EncodeToString(sum[:])
}
