package backup

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/sqlite"
)

// sweepInterval is how often Sweep looks at all tenants.
const sweepInterval = time.Minute

// Written returns when a tenant's database was last written, as far as its files tell. Returns ErrOtherEngine for a
// tenant that isn't on SQLite.
type Written func(ctx context.Context, t *tenants.Tenant) (time.Time, error)

// Sweep marks the tenants that were written since their last backup without Committed being called, which is so for writes of
// other processes and of processes that died. It looks at the times of files, and opens no database. It returns when ctx ends.
func (b *Backups) Sweep(ctx context.Context, master *tenants.Master, written Written) {
	for ctx.Err() == nil {
		if err := b.sweep(ctx, master, written); err != nil && ctx.Err() == nil {
			b.o.Log.WarnContext(ctx, "look for tenants that aren't backed up", "error", err)
		}
		queue.Wait(ctx, sweepInterval)
	}
}

func (b *Backups) sweep(ctx context.Context, master *tenants.Master, written Written) error {
	return Each(ctx, master, func(t *tenants.Tenant) {
		at, err := written(ctx, t)
		if err != nil {
			return // its backup would fail, too; that it can't be opened is found by others
		}
		stored, err := b.StoredAt(t.ID)
		if err == nil && !at.Before(stored) {
			b.Mark(t, time.Now())
		}
	})
}

// Each calls f for each tenant whose database is in use.
func Each(ctx context.Context, master *tenants.Master, f func(t *tenants.Tenant)) error {
	const page = 500
	for after := ""; ; {
		var found []*tenants.Tenant
		err := master.View(ctx, func(tx *gorm.DB) error {
			return tx.Where("id > ? AND state NOT IN ?", after, []tenants.State{tenants.StateProvisioning, tenants.StatePurged}).
				Order("id").Limit(page).Find(&found).Error
		})
		if err != nil {
			return err
		}
		for _, t := range found {
			f(t)
		}
		if len(found) < page {
			return nil
		}
		after = found[page-1].ID
	}
}

// Survey says how the backups of all tenants stand.
type Survey struct {
	// Bucket is where backups are stored.
	Bucket string `json:"bucket"`
	// Tenants is the number of tenants on SQLite, Stored how many of them have a backup of everything that was committed
	// by now, and Never how many have no backup at all.
	Tenants int `json:"tenants"`
	Stored  int `json:"stored"`
	Never   int `json:"never"`
	// Others is the number of tenants on other engines, which are not backed up.
	Others int `json:"others"`
	// Unreadable is the number of tenants whose files can't be found.
	Unreadable int `json:"unreadable"`
	// Oldest is when the commit was made that waits longest for its backup, as far as the files tell; nil if none waits.
	Oldest *time.Time `json:"oldest"`
	// Master is when the newest backup of the master was made; nil if there is none.
	Master *time.Time `json:"master"`
	// Late reports whether a commit has waited for more than twice the interval.
	Late bool `json:"late"`
}

// isSame reports whether a tenant's database is as it was backed up, although its file was written later: a checkpoint
// writes it, too.
func (b *Backups) isSame(ctx context.Context, t *tenants.Tenant) bool {
	stored, err := b.isStored(ctx, t.ID, func(ctx context.Context, since sqlite.Stamp) (*sqlite.Snapshot, error) {
		return b.o.Snapshot(ctx, t, since)
	})
	return stored && err == nil
}

// Survey compares the times of all databases with those of their backups, and the content where these differ.
func (b *Backups) Survey(ctx context.Context, master *tenants.Master, written Written) (s Survey, err error) {
	s.Bucket = b.o.Bucket.String()
	err = Each(ctx, master, func(t *tenants.Tenant) {
		at, err := written(ctx, t)
		if errors.Is(err, ErrOtherEngine) {
			s.Others++
			return
		}
		s.Tenants++
		if err != nil {
			s.Unreadable++
			return
		}
		stored, err := b.StoredAt(t.ID)
		switch {
		case err != nil || stored.IsZero():
			s.Never++
		case at.Before(stored) || b.isSame(ctx, t):
			s.Stored++
			return
		}
		if s.Oldest == nil || at.Before(*s.Oldest) {
			at = at.UTC()
			s.Oldest = &at
		}
	})
	s.Late = s.Oldest != nil && time.Since(*s.Oldest) > 2*b.o.Interval
	return s, err
}
