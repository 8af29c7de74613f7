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

// Erase removes the versions that the bucket has of the objects.
func (b *s3Bucket) Erase(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := b.erase(ctx, key); err != nil {
			return fmt.Errorf("erase %s: %w", key, err)
		}
	}
	return nil
}

func (b *s3Bucket) erase(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	var versions []minio.ObjectInfo
	for info := range b.core.ListObjectsIter(ctx, b.Bucket, minio.ListObjectsOptions{Prefix: b.prefix + key, Recursive: true, WithVersions: true}) {
		switch {
		case info.Err != nil && minio.ToErrorResponse(info.Err).Code == minio.NotImplemented:
			return b.Delete(ctx, key) // there are no versions
		case info.Err != nil:
			return b.explain(ctx, info.Err)
		case info.Key == b.prefix+key:
			versions = append(versions, info)
		}
	}
	if len(versions) == 0 {
		return b.Delete(ctx, key)
	}
	return b.remove(ctx, slices.Values(versions))
}
