package files

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// Erase removes all files of a tenant for good. It may be repeated.
func (s *Store) Erase(ctx context.Context, tenantID string) error {
	return storageError(errors.Join(s.o.Bucket.Erase(ctx, tenantID), s.o.Bucket.Erase(ctx, stagedFolder+"/"+tenantID)))
}

// pageOfRows is how many rows are read at once.
const pageOfRows = 500

// Each calls f with pages of the rows of the tenant of the scope, ordered by id.
func Each(tx *gorm.DB, f func(rows []Row) error) error {
	for after := ""; ; {
		var rows []Row
		if err := tx.Where("id > ?", after).Order("id").Limit(pageOfRows).Find(&rows).Error; err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := f(rows); err != nil {
				return err
			}
		}
		if len(rows) < pageOfRows {
			return nil
		}
		after = rows[len(rows)-1].ID
	}
}
