// Package bucket stores backups: files of a folder or, with the same names, objects of an S3 bucket.
package bucket

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"regexp"
	"strings"
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
	// String returns where the objects are, without credentials.
	String() string
}

// Object is an object in a list.
type Object struct {
	Key      string
	Size     int64 // in bytes
	Modified time.Time
}

// Open opens the bucket at a URL, such as file:///var/backups/tenantry. Returns ErrURL, or the error of the storage.
func Open(_ context.Context, text string) (Bucket, error) {
	u, err := parse(text)
	if err != nil {
		return nil, err
	}
	return OpenFolder(u.Path)
}

// CheckURL returns ErrURL, with what would be right, if a text is not the URL of a bucket.
func CheckURL(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: it can't be read as a URL", ErrURL)
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" {
			return nil, fmt.Errorf("%w: a folder is file:///PATH", ErrURL)
		}
		return u, nil
	}
	return nil, fmt.Errorf("%w: it must begin with file:///", ErrURL)
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$`)

// checkKey returns ErrKey if the text is not a key.
func checkKey(key string) error {
	if len(key) > 1000 || !keyPattern.MatchString(key) {
		return fmt.Errorf("%w: %.100q", ErrKey, key)
	}
	return nil
}
