package bucket

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/minio/minio-go/v7"
)

// Delete removes up to 1,000 objects with a request.
func (b *s3Bucket) Delete(ctx context.Context, keys ...string) error {
	infos := make([]minio.ObjectInfo, len(keys))
	for i, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
		infos[i].Key = b.prefix + key
	}
	if len(keys) != 1 {
		return b.remove(ctx, slices.Values(infos))
	}
	if err := b.core.RemoveObject(ctx, b.Bucket, infos[0].Key, minio.RemoveObjectOptions{}); err != nil {
		return fmt.Errorf("delete %s: %w", keys[0], b.explain(ctx, err))
	}
	return nil
}

// remove removes objects, or versions of them.
func (b *s3Bucket) remove(ctx context.Context, infos iter.Seq[minio.ObjectInfo]) error {
	results, err := b.core.RemoveObjectsWithIter(ctx, b.Bucket, infos, minio.RemoveObjectsOptions{})
	if err != nil {
		return fmt.Errorf("delete: %w", b.explain(ctx, err))
	}
	for result := range results {
		if result.Err != nil {
			return fmt.Errorf("delete %s: %w", result.ObjectName, b.explain(ctx, result.Err))
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("delete: %w", context.Cause(ctx))
	}
	return nil
}

// Erase removes what the server lists as versions. A server that knows none removes objects for good.
func (b *s3Bucket) Erase(ctx context.Context, prefix string) error {
	if err := checkKey(prefix); err != nil {
		return err
	}
	var failed error
	options := minio.ListObjectsOptions{Prefix: b.prefix + prefix + "/", Recursive: true, WithVersions: true}
	err := b.remove(ctx, func(yield func(minio.ObjectInfo) bool) {
		for info := range b.core.ListObjectsIter(ctx, b.Bucket, options) {
			if failed = info.Err; failed != nil || !yield(info) {
				return
			}
		}
	})
	switch {
	case failed != nil && minio.ToErrorResponse(failed).Code == minio.NotImplemented:
		return b.eraseUnversioned(ctx, prefix)
	case failed != nil:
		err = b.explain(ctx, failed)
	case err == nil:
		return nil
	}
	return fmt.Errorf("erase %s: %w", prefix, err)
}

func (b *s3Bucket) eraseUnversioned(ctx context.Context, prefix string) error {
	var keys []string
	for o, err := range b.List(ctx, prefix+"/") {
		if err != nil {
			return err
		}
		keys = append(keys, o.Key)
	}
	return b.Delete(ctx, keys...)
}
