package bucket

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var _ Tidier = (*s3Bucket)(nil)

// Tidy tells the server to forget the parts of objects that were never finished. They are in no list of objects, and cost
// as much.
func (b *s3Bucket) Tidy(ctx context.Context, before time.Time) error {
	var failures []error
	for upload := range b.core.ListIncompleteUploads(ctx, b.Bucket, b.prefix, true) {
		err := upload.Err
		if err == nil && upload.Initiated.Before(before) {
			err = b.core.AbortMultipartUpload(ctx, b.Bucket, upload.Key, upload.UploadID)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("forget unfinished objects: %w", b.explain(ctx, err)))
		}
	}
	return errors.Join(failures...)
}
