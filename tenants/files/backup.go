package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// saving is a job that copies a content to the backup.
type saving struct {
	ID string `json:"id"`
}

// Kind is "files.backup".
func (saving) Kind() string { return "files.backup" }

// savingTime is how long the copy of a content may take.
const savingTime = 30 * time.Minute

// forgetting is a job that removes copies of removed files from the backup.
type forgetting struct {
	IDs []string `json:"ids"`
}

// Kind is "files.forget".
func (forgetting) Kind() string { return "files.forget" }

// save makes a content be copied after the scope of tx has committed, if there is a backup.
func (s *Store) save(tx *gorm.DB, id string) error {
	if s.o.Backup == nil {
		return nil
	}
	return jobs.Enqueue(tx, saving{id}, jobs.Options{})
}

// runSaving copies a content, unless its row is gone.
func (s *Store) runSaving(ctx context.Context, job *jobs.Job[saving]) error {
	gone, err := unnamed(ctx, job.Home, []string{job.Args.ID})
	if err != nil || len(gone) > 0 || s.o.Backup == nil {
		return err
	}
	content, err := s.o.Bucket.Get(ctx, contentKey(job.Home.Tenant.ID, job.Args.ID))
	if err != nil {
		return storageError(err)
	}
	defer content.Close()
	return storageError(s.o.Backup.Put(ctx, backupKey(job.Home.Tenant.ID, job.Args.ID), content))
}

// runForgetting removes the copies that have no row.
func (s *Store) runForgetting(ctx context.Context, job *jobs.Job[forgetting]) error {
	ids, err := unnamed(ctx, job.Home, job.Args.IDs)
	if err != nil || s.o.Backup == nil {
		return err
	}
	keys := make([]string, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, backupKey(job.Home.Tenant.ID, id))
	}
	return storageError(s.o.Backup.Delete(ctx, keys...))
}

// Fill stores the contents that rows of the tenant name and that aren't there: those of the tenant with the id from, from where
// its files are or from the backup. It returns how many are nowhere. If from is the tenant's own id, its contents are brought
// back from the backup; else, also if from is empty, the tenant is new and all of its contents are backed up. update runs a scope on
// the tenant. It may be repeated.
func (s *Store) Fill(ctx context.Context, t *tenants.Tenant, from string, update func(ctx context.Context, f tenants.Func) error) (lost int, err error) {
	var ids []string
	err = update(ctx, func(tx *gorm.DB) error { return tx.Model(&Row{}).Order("id").Pluck("id", &ids).Error })
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	there := map[string]bool{}
	for o, err := range s.o.Bucket.List(ctx, t.ID+"/") {
		if err != nil {
			return 0, storageError(err)
		}
		there[o.Key] = true
	}
	for _, id := range ids {
		if there[contentKey(t.ID, id)] {
			continue
		}
		switch err := s.copy(ctx, cmp.Or(from, t.ID), t.ID, id); {
		case errors.Is(err, ErrLost):
			lost++
		case err != nil:
			return lost, fmt.Errorf("copy file %s: %w", id, err)
		}
	}
	if t.ID == from {
		return lost, nil
	}
	return lost, update(ctx, func(tx *gorm.DB) error {
		for _, id := range ids {
			if err := s.save(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// copy copies a content from one tenant to another.
func (s *Store) copy(ctx context.Context, from, to, id string) error {
	content, err := s.open(ctx, from, id, 0)
	if err != nil {
		return err
	}
	defer content.Close()
	return storageError(s.o.Bucket.Put(ctx, contentKey(to, id), content))
}
