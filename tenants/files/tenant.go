package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oklog/ulid/v2"

	"tenantry/tenants"
)

// ReadContent returns a content of the tenant by its id. The error wraps fs.ErrNotExist if there is none.
func (s *Store) ReadContent(ctx context.Context, tenantID, id string) (io.ReadCloser, error) {
	return s.open(ctx, tenantID, id, 0)
}

// WriteContent stores a content for a tenant that is being created. Returns a *tenants.SourceError unless it has the hash.
func (s *Store) WriteContent(ctx context.Context, tenantID, id, hash string, content io.Reader) error {
	if parsed, err := ulid.ParseStrict(strings.ToUpper(id)); err != nil || strings.ToLower(parsed.String()) != id {
		return &tenants.SourceError{Reason: fmt.Sprintf("%.40q is not the id of a file", id)}
	}
	sum := sha256.New()
	if err := s.o.Bucket.Put(ctx, contentKey(tenantID, id), io.TeeReader(content, sum)); err != nil {
		return storageError(err)
	}
	if hex.EncodeToString(sum.Sum(nil)) == hash {
		return nil
	}
	err := &tenants.SourceError{Reason: "the content of file " + id + " is not what it was when it was stored"}
	return errors.Join(err, s.remove(ctx, tenantID, []string{id}))
}

// Erase removes all files of a tenant for good. It may be repeated.
func (s *Store) Erase(ctx context.Context, tenantID string) error {
	return storageError(errors.Join(
		s.o.Bucket.Erase(ctx, tenantID), s.o.Bucket.Erase(ctx, stagedFolder+"/"+tenantID), s.o.Bucket.Erase(ctx, lookFolder+"/"+tenantID),
	))
}
