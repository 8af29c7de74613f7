package backup

import (
	"context"
	"errors"
	"slices"
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
	var behind []string
	err := each(ctx, master, []string{"id", "server", "database"}, func(t *tenants.Tenant) {
		at, err := written(ctx, t)
		if err != nil {
			return // its backup would fail, too; that it can't be opened is found by others
		}
		if stored, err := b.isStoredAfter(t.ID, at); err == nil && !stored {
			behind = append(behind, t.ID)
		}
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(behind, pageSize) {
		var found []*tenants.Tenant
		if err := master.View(ctx, func(tx *gorm.DB) error { return tx.Find(&found, "id IN ?", some).Error }); err != nil {
			return err
		}
		for _, t := range found {
			b.Mark(t, time.Now())
		}
	}
	return nil
}

// grain is by how much the time of a file may be too early: systems take it from a clock that ticks less often.
const grain = 20 * time.Millisecond

// isBefore reports whether a file was last written before a backup of it began.
func isBefore(written, stored time.Time) bool { return written.Before(stored.Add(-grain)) }

// isStoredAfter reports whether the last backup of a database began after a time. It reads its state only if what it has read
// before doesn't tell.
func (b *Backups) isStoredAfter(id string, at time.Time) (bool, error) {
	b.mu.Lock()
	stored := b.stored[id]
	b.mu.Unlock()
	if isBefore(at, stored) {
		return true, nil
	}
	stored, err := b.StoredAt(id)
	if err != nil {
		return false, err
	}
	b.mu.Lock()
	b.stored[id] = stored
	b.mu.Unlock()
	return isBefore(at, stored), nil
}

// Each calls f for each tenant whose database is in use.
func Each(ctx context.Context, master *tenants.Master, f func(t *tenants.Tenant)) error {
	return each(ctx, master, nil, f)
}

// pageSize is the number of tenants that are read from the master at a time.
const pageSize = 500

// each is Each for tenants of which only some columns are read, or all if columns is nil.
func each(ctx context.Context, master *tenants.Master, columns []string, f func(t *tenants.Tenant)) error {
	const page = pageSize
	for after := ""; ; {
		var found []*tenants.Tenant
		err := master.View(ctx, func(tx *gorm.DB) error {
			if columns != nil {
				tx = tx.Select(columns)
			}
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
		case isBefore(at, stored) || b.isSame(ctx, t):
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
