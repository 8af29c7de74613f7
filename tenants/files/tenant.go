package files

import (
	"context"
	"errors"
)

// Erase removes all files of a tenant for good. It may be repeated.
func (s *Store) Erase(ctx context.Context, tenantID string) error {
	return storageError(errors.Join(s.o.Bucket.Erase(ctx, tenantID), s.o.Bucket.Erase(ctx, stagedFolder+"/"+tenantID)))
}
