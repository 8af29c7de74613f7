package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/lifecycle"
)

// Reversion is what putting the copies of a run back would do.
type Reversion struct {
	Run     Run              `json:"run"`
	Tenants []RevertedTenant `json:"tenants"`

	whole bool // of all tenants of the run
}

// RevertedTenant is a tenant whose copy can be put back.
type RevertedTenant struct {
	Subdomain string `json:"subdomain"`
	// From is the schema version that the tenant has, and To that of the copy.
	From int64 `json:"from_version"`
	To   int64 `json:"to_version"`
	// CopiedAt is when the copy was made. What was written since is lost.
	CopiedAt time.Time `json:"copied_at"`
	// WrittenAt is when the database was last written after its migration. It is nil if it was not.
	WrittenAt *time.Time `json:"written_at"`
	// Rows is how many rows differ from the copy at least, because of the migration or of what was written since; -1 if the
	// database is too large to compare.
	Rows int64 `json:"rows"`
	// Error is why the copy can't be put back. It is empty if it can.
	Error string `json:"error"`

	id string
}

// ForecastRevert says what Revert would do, and changes nothing. subdomain limits it to one tenant; it may be empty. It
// opens the databases that were written since. The errors are those of Kept and lifecycle.Manager.Revert.
func (f *Fleet) ForecastRevert(ctx context.Context, id, subdomain string, progress func(done, total int)) (*Reversion, error) {
	run, err := f.Kept(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.AcceptedAt != nil {
		return nil, fmt.Errorf("migration run %s: %w", run.ID, lifecycle.ErrAccepted)
	}
	kept, err := f.copied(ctx, run.ID, subdomain)
	if err != nil {
		return nil, err
	}
	r := &Reversion{Run: run, Tenants: []RevertedTenant{}, whole: subdomain == ""}
	for i := range kept {
		one := f.revertible(ctx, &kept[i])
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if one.From != one.To || one.Error != "" { // the migration has changed something
			r.Tenants = append(r.Tenants, one)
		}
		if progress != nil {
			progress(i+1, len(kept))
		}
	}
	return r, nil
}

// copiedTenant is a tenant with a run's copy of its database.
type copiedTenant struct {
	tenants.Tenant `gorm:"embedded"`
	RunID          string
	CopyVersion    int64
	MadeAt         time.Time
	// MigratedAt is when the run had migrated it.
	MigratedAt *time.Time
}

// copied returns the tenants of which the run has copies, or the one with that subdomain, sorted by subdomain.
func (f *Fleet) copied(ctx context.Context, run, subdomain string) (all []copiedTenant, err error) {
	if subdomain != "" {
		if _, err := f.manager.Get(ctx, subdomain); err != nil {
			return nil, err
		}
	}
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		tx = tx.Model(&tenants.Tenant{}).Joins("JOIN migration_copies c ON c.tenant_id = tenants.id AND c.run_id = ?", run).
			Joins("LEFT JOIN operations o ON o.id = (SELECT max(id) FROM operations WHERE tenant_id = tenants.id AND run_id = c.run_id)").
			Select("tenants.*, c.run_id, c.schema_version AS copy_version, c.made_at, o.finished_at AS migrated_at")
		if subdomain != "" {
			tx = tx.Where("tenants.subdomain = ?", subdomain)
		}
		return tx.Order("tenants.subdomain").Scan(&all).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list copies of run %s: %w", run, err)
	}
	if subdomain != "" && len(all) == 0 {
		return nil, fmt.Errorf("tenant %q, migration run %s: %w", subdomain, run, tenants.ErrNoCopy)
	}
	return all, nil
}

// revertible says how a tenant differs from its copy.
func (f *Fleet) revertible(ctx context.Context, t *copiedTenant) RevertedTenant {
	r := RevertedTenant{Subdomain: t.Subdomain, From: t.SchemaVersion, To: t.CopyVersion, CopiedAt: t.MadeAt.UTC(), id: t.ID}
	if r.From == r.To {
		return r
	}
	copier, err := f.copier(t.Server)
	if err == nil {
		var age tenants.CopyAge
		age, err = copier.CopyAge(ctx, &t.Tenant, t.RunID)
		if r.Rows = age.Rows; err == nil && t.MigratedAt != nil && age.WrittenAt.After(*t.MigratedAt) {
			at := age.WrittenAt.UTC().Truncate(time.Second)
			r.WrittenAt = &at
		}
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// Revert puts the run's copies back, of the tenants of a forecast. Each is an operation in the ledger, as in
// lifecycle.Manager.Revert: what was written since the migration is lost, and the caller must have asked. Several tenants
// are worked on at the same time; progress may be nil, and its calls don't overlap. Returns a *PartialError if some could
// not be reverted; the others were. When a whole run is reverted, the copies of tenants that it has not migrated are removed.
func (f *Fleet) Revert(ctx context.Context, by lifecycle.Operator, r *Reversion, progress func(done, total int)) error {
	var mu sync.Mutex // protects the fields below, and the calls of progress
	done := 0
	partial := &PartialError{}
	finish := func(t RevertedTenant, err error) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if err != nil {
			partial.Failed = append(partial.Failed, Failure{t.Subdomain, err})
		} else {
			partial.Migrated++
		}
		if progress != nil {
			progress(done, len(r.Tenants))
		}
	}
	var working errgroup.Group
	working.SetLimit(DefaultParallel)
	for _, t := range r.Tenants {
		working.Go(func() error {
			err := ctx.Err()
			if err == nil {
				_, err = f.manager.Revert(ctx, by, t.id, r.Run.ID)
			}
			finish(t, err)
			return nil
		})
	}
	_ = working.Wait() // no function returns an error
	slices.SortFunc(partial.Failed, func(a, b Failure) int { return cmp.Compare(a.Subdomain, b.Subdomain) })
	switch {
	case len(partial.Failed) > 0:
		return partial
	case r.whole:
		return f.clearCopies(ctx, r.Run.ID)
	}
	return nil
}

// clearCopies removes the copies of a run if all tenants have the versions of their copies.
func (f *Fleet) clearCopies(ctx context.Context, run string) error {
	left, err := f.copied(ctx, run, "")
	if err != nil {
		return err
	}
	servers := map[string]bool{}
	for _, t := range left {
		if t.SchemaVersion != t.CopyVersion {
			return nil
		}
		servers[t.Server] = true
	}
	for server := range servers {
		err = errors.Join(err, f.removeCopies(ctx, run, server))
	}
	return err
}

// StartRevert is Revert in the background, until ctx ends.
func (f *Fleet) StartRevert(ctx context.Context, by lifecycle.Operator, r *Reversion) {
	f.running.Go(func() {
		err := f.Revert(ctx, by, r, nil)
		f.log.InfoContext(ctx, "migration run reverted", "run", r.Run.ID, "tenants", len(r.Tenants), "error", err)
	})
}
