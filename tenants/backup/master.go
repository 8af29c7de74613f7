package backup

import (
	"context"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tenantry/tenants"
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
		if ctx.Err() == nil {
			b.MasterBackup.Done(err)
		}
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
	b.MasterBackup.Waits(written)
	return b.store(ctx, MasterID, db, func(ctx context.Context, since sqlite.Stamp) (*sqlite.Snapshot, error) {
		return sqlite.SnapshotMaster(ctx, m.Path, since)
	})
}

// SurveyMaster adds the backup of a master on SQLite to a survey. Each process writes that file when it begins, so that the
// ledger has to tell whether anything has changed.
func (b *Backups) SurveyMaster(ctx context.Context, master *tenants.Master, s *Survey) error {
	at, err := b.masterAt(ctx)
	if err != nil {
		return err
	}
	if !at.IsZero() {
		s.Master = &at
	}
	var first tenants.Operation
	err = master.View(ctx, func(tx *gorm.DB) error {
		return tx.Select("id", "started_at").Order("id").Limit(1).Find(&first, "id > ?", idAt(at)).Error
	})
	s.Late = s.Late || first.ID != "" && time.Since(first.StartedAt) > 2*b.o.Interval
	return err
}

// idAt returns what ids of operations of a time begin with, which sort by time.
func idAt(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(at) + 1) // of this century
	return strings.ToLower(id.String())
}

// masterAt returns when the newest backup of the master was made, or the zero time.
func (b *Backups) masterAt(ctx context.Context) (time.Time, error) {
	points, _, err := b.Points(ctx, MasterID, 1)
	if err != nil || len(points) == 0 {
		return time.Time{}, err
	}
	return points[0].At, nil
}
