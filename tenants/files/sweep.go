package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/bucket"
)

// sweepChore is the name of the chore, and sweepInterval how often one process of all does it.
const (
	sweepChore    = "sweep-files"
	sweepInterval = time.Hour
	sweepTick     = 5 * time.Minute
)

// Run sweeps as long as ctx lasts. Of all processes with the same master, one does it each hour.
func (s *Store) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.sweepIfDue(ctx); err != nil && ctx.Err() == nil {
			s.o.Log.WarnContext(ctx, "sweep files that no row names", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(sweepTick):
		}
	}
}

func (s *Store) sweepIfDue(ctx context.Context) error {
	taken, err := s.o.Tenants.TakeChore(ctx, sweepChore)
	if err != nil || !taken {
		return err
	}
	_, err = s.Sweep(ctx)
	return errors.Join(err, s.o.Tenants.FinishChore(ctx, sweepChore, sweepInterval))
}

// Sweep removes the contents that were stored longer ago than the grace period and that no row names, which processes that
// died have left, and returns their number. It opens only the databases of tenants that have such contents. A tenant that
// can't be asked now is asked the next time. Of tenants whose databases were replaced it does what Look says.
func (s *Store) Sweep(ctx context.Context) (removed int, err error) {
	var failures []error
	if tidier, ok := s.o.Bucket.(bucket.Tidier); ok {
		if err := tidier.Tidy(ctx, time.Now().Add(-s.o.Grace)); err != nil { // the credentials may not allow it
			failures = append(failures, storageError(err))
		}
	}
	for o, err := range s.o.Bucket.List(ctx, stagedFolder+"/") {
		if err != nil {
			return removed, errors.Join(append(failures, storageError(err))...)
		}
		tenantID, id, ok := parseStaged(o.Key)
		if !ok || time.Since(o.Modified) < s.o.Grace {
			continue
		}
		left, err := s.sweep(ctx, tenantID, id)
		if err != nil {
			failures = append(failures, err)
		}
		if left {
			removed++
		}
	}
	return removed, errors.Join(append(failures, s.look(ctx))...)
}

// sweep decides about a content that may have no row, and reports whether it had none.
func (s *Store) sweep(ctx context.Context, tenantID, id string) (left bool, err error) {
	named, err := s.isNamed(ctx, tenantID, id)
	if err != nil {
		return false, fmt.Errorf("file %s of tenant %s: %w", id, tenantID, err)
	}
	if !named {
		if err := s.remove(ctx, tenantID, []string{id}); err != nil {
			return false, err
		}
	}
	return !named, storageError(s.o.Bucket.Delete(ctx, stagedKey(tenantID, id)))
}

// isNamed reports whether a row of the tenant names the file. That a tenant is in the trash counts as an error: it may be
// restored, or its files are removed with it.
func (s *Store) isNamed(ctx context.Context, tenantID, id string) (named bool, err error) {
	var t []*tenants.Tenant
	if err := s.o.Tenants.Master().View(ctx, func(tx *gorm.DB) error { return tx.Find(&t, "id = ?", tenantID).Error }); err != nil {
		return false, err
	}
	if len(t) == 0 || t[0].State == tenants.StatePurged && t[0].RemoveAfter == nil {
		return false, nil
	}
	var count int64
	err = s.o.Tenants.Maintain(ctx, t[0], func(tx *gorm.DB) error {
		return tx.Model(&Row{}).Where("id = ?", id).Count(&count).Error
	})
	return count > 0, err
}
