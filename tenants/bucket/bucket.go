// Package bucket stores objects, such as backups and files of tenants: files of a folder or, with the same names, objects of an S3 bucket.
//
//	bucket.go          the interface, and keys of objects
//	url.go             URLs of buckets
//	folder.go          a folder
//	s3.go              an S3 bucket; s3_put.go, s3_download.go, s3_delete.go and s3_tidy.go what is done to its objects
//	s3_transport.go    connections that don't wait for ever
//	s3_credentials.go  where the credentials come from
//	s3_errors.go       messages for errors, without secrets
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"time"
)

// Bucket keeps objects by key. A key is one or more parts, separated by slashes, of ASCII letters, digits, periods,
// underscores and hyphens; no part begins with a period. It is safe for concurrent use. Errors of
// the storage wrap ErrUnavailable or ErrFull.
type Bucket interface {
	// Put stores what r has, whole or not at all, in place of what the key had. It is durable when Put returns.
	Put(ctx context.Context, key string, r io.Reader) error
	// Get returns an object's content, which the caller must close. The error wraps fs.ErrNotExist if there is none.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// List lists the objects whose keys begin with the prefix, ordered by key. It ends after an error.
	List(ctx context.Context, prefix string) iter.Seq2[Object, error]
	// Delete removes objects. A missing one is no error.
	Delete(ctx context.Context, keys ...string) error
	// Erase removes the objects whose keys begin with the prefix and a slash, with the versions that an S3 server keeps of
	// what was replaced or deleted. The prefix is a key itself.
	Erase(ctx context.Context, prefix string) error
	// String returns where the objects are, without credentials.
	String() string
}

// Object is an object in a list.
type Object struct {
	Key      string
	Size     int64 // in bytes
	Modified time.Time
}

// Tidier is a Bucket that knows of objects that were never finished, because a process died while it stored them.
type Tidier interface {
	// Tidy removes what was begun before a time and not finished.
	Tidy(ctx context.Context, before time.Time) error
}

// Ranger is a Bucket that can read a part of an object.
type Ranger interface {
	// GetFrom is Get without the first bytes. The offset is 0 or less than the object's size.
	GetFrom(ctx context.Context, key string, offset int64) (io.ReadCloser, error)
}

// GetFrom returns what follows an object's first bytes, which the caller must close. The offset is 0 or less than the object's size. Of
// a Bucket that isn't a Ranger it reads the bytes before it. The error wraps fs.ErrNotExist if there is no such object.
func GetFrom(ctx context.Context, b Bucket, key string, offset int64) (io.ReadCloser, error) {
	if r, ok := b.(Ranger); ok {
		return r.GetFrom(ctx, key, offset)
	}
	content, err := b.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, content, offset); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s from %d on: %w", key, offset, err), content.Close())
	}
	return content, nil
}

// CheckURL returns an error that wraps ErrURL if Open would return one.
func CheckURL(text string) error {
	_, err := Open(context.Background(), text)
	return err
}

// Open returns the bucket at a URL as WantURL describes it. The error wraps ErrURL. Open neither reads nor writes: a
// storage that can't be reached is found by the first use, and used once it can be.
func Open(_ context.Context, text string) (Bucket, error) {
	path, s3, err := readURL(text)
	if err != nil {
		return nil, err
	}
	if s3 != nil {
		return OpenS3(*s3)
	}
	return &folder{path: path}, nil
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// checkKey returns ErrKey if the text is not a key.
func checkKey(key string) error {
	if len(key) > 1000 || !keyPattern.MatchString(key) {
		return fmt.Errorf("%w: %.100q", ErrKey, key)
	}
	return nil
}
