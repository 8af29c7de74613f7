package backup

import (
	"context"
	"time"

	"tenantry/tenants/backup/queue"
	"tenantry/tenants/sqlite"
)

// Master is a master database on SQLite.
type Master struct {
	// Path is its file.
	Path string
}

// RunMaster backs up the master once an interval, if it was written, until ctx ends.
func (b *Backups) RunMaster(ctx context.Context, m Master) {
	var db database
	for failed := false; ctx.Err() == nil; queue.Wait(ctx, b.o.Interval*3/4) {
		err := b.storeMaster(ctx, m, &db)
		if err != nil && !failed && ctx.Err() == nil {
			b.o.Log.WarnContext(ctx, "backup of the master failed, and will be tried again", "error", err)
		}
		failed = err != nil
	}
}

// StoreMaster backs up the master now.
func (b *Backups) StoreMaster(ctx context.Context, m Master) error {
	return b.storeMaster(ctx, m, &database{})
}

func (b *Backups) storeMaster(ctx context.Context, m Master, db *database) error {
	written, err := sqlite.WrittenFile(m.Path)
	if err != nil {
		return err
	}
	stored, err := b.StoredAt(MasterID)
	if err != nil || isBefore(written, stored) {
		return err
	}
	return b.store(ctx, MasterID, db, func(ctx context.Context, since sqlite.Stamp) (*sqlite.Snapshot, error) {
		return sqlite.SnapshotMaster(ctx, m.Path, since)
	})
}

// MasterAt returns when the newest backup of the master was made, or the zero time.
func (b *Backups) MasterAt(ctx context.Context) (time.Time, error) {
	points, _, err := b.Points(ctx, MasterID, 1)
	if err != nil || len(points) == 0 {
		return time.Time{}, err
	}
	return points[0].At, nil
}
