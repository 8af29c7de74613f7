package bucket

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// S3 says where an S3 bucket is.
type S3 struct {
	Bucket, Prefix string
	// Endpoint is the URL of the server; empty for Amazon's.
	Endpoint string
	// Region may be empty: it is then us-east-1, or with Amazon looked up.
	Region string
	// PathStyle is "true" for URLs with the bucket's name in their path, "false" for one in their host, and empty for
	// what is usual at the endpoint.
	PathStyle string
	// AccessKey and SecretKey are the credentials. If they are empty, the environment, the files of the S3 tools or,
	// with Amazon, the machine's role has them.
	AccessKey, SecretKey string
	// Silence is how long the server may neither take nor send a byte. Defaults to 30 seconds.
	Silence time.Duration
}

// A request is tried a few times, with growing pauses. One that isn't done after requestTime is given up, unless it
// downloads.
const (
	tries       = 4
	requestTime = 5 * time.Minute
	silence     = 30 * time.Second
)

// s3Bucket is a Bucket of an S3 server.
type s3Bucket struct {
	S3
	core   minio.Core
	prefix string // of the keys, empty or with a slash at its end
}

var (
	_ Bucket = (*s3Bucket)(nil)
	_ Ranger = (*s3Bucket)(nil)
)

// OpenS3 returns the bucket. It sends nothing.
func OpenS3(s S3) (Bucket, error) {
	if fault := s.fault(); fault != "" {
		return nil, fmt.Errorf("%w: %s", ErrURL, fault)
	}
	host, options := "s3.amazonaws.com", s.options()
	if s.Endpoint != "" {
		u, err := url.Parse(s.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("%w: the endpoint can't be read", ErrURL)
		}
		host, options.Secure = u.Host, u.Scheme == "https"
	}
	core, err := minio.NewCore(host, options)
	if err != nil {
		return nil, fmt.Errorf("%w: the endpoint %s can't be used", ErrURL, host)
	}
	b := &s3Bucket{S3: s, core: *core}
	if s.Prefix != "" {
		b.prefix = s.Prefix + "/"
	}
	return b, nil
}

// options returns the client's options.
func (s S3) options() *minio.Options {
	if s.Region == "" && s.Endpoint != "" {
		s.Region = "us-east-1"
	}
	lookup := map[string]minio.BucketLookupType{"true": minio.BucketLookupPath, "false": minio.BucketLookupDNS}[s.PathStyle]
	if s.Silence == 0 {
		s.Silence = silence
	}
	return &minio.Options{
		Creds: s.credentials(), Secure: true, Region: s.Region, BucketLookup: lookup, MaxRetries: tries, Transport: newTransport(s.Silence),
	}
}

func (b *s3Bucket) String() string {
	if b.Endpoint == "" {
		return "s3://" + b.Bucket + "/" + b.prefix
	}
	return b.Endpoint + "/" + b.Bucket + "/" + b.prefix
}

// Get begins to download an object. A download that breaks is resumed.
func (b *s3Bucket) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return b.GetFrom(ctx, key, 0)
}

// GetFrom begins to download an object at an offset.
func (b *s3Bucket) GetFrom(ctx context.Context, key string, offset int64) (io.ReadCloser, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	var options minio.GetObjectOptions
	if offset > 0 {
		if err := options.SetRange(offset, 0); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, b.explain(ctx, err))
		}
	}
	body, info, _, err := b.core.GetObject(ctx, b.Bucket, b.prefix+key, options)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, b.explain(ctx, err))
	}
	return &download{ctx: ctx, b: b, key: key, body: body, etag: info.ETag, at: offset, size: offset + info.Size}, nil
}

// List asks for a page of 1,000 keys at a time.
func (b *s3Bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	owner := false
	options := minio.ListObjectsOptions{Prefix: b.prefix + prefix, Recursive: true, FetchOwner: &owner}
	return func(yield func(Object, error) bool) {
		for info := range b.core.ListObjectsIter(ctx, b.Bucket, options) {
			if info.Err != nil {
				yield(Object{}, fmt.Errorf("list %s: %w", prefix, b.explain(ctx, info.Err)))
				return
			}
			key := strings.TrimPrefix(info.Key, b.prefix)
			if checkKey(key) == nil && !yield(Object{key, info.Size, info.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Object{}, fmt.Errorf("list %s: %w", prefix, context.Cause(ctx)))
		}
	}
}
