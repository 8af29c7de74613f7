package exports

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/backup"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/portable"
)

// uncounted are tables of the master that change without an operator's doing. They are in each backup, and are no reason
// for one.
var uncounted = []string{"exports", "due", "chores", "traffic_counts"}

// leftOut are the tables that aren't backed up: what is known of living processes, and a counter that only SQLite has.
func leftOut() []string { return append(tenants.MasterSchema().NotCloned, "registry_changes") }

// quiet are the tables whose changes are no reason for a backup.
func quiet() []string { return append(leftOut(), uncounted...) }

// RunMaster backs up the master, which must be on Postgres, within the interval of each change, until ctx ends.
func (e *Exports) RunMaster(ctx context.Context) {
	for failed := false; ctx.Err() == nil; queue.Wait(ctx, min(e.o.Interval/4, longestSweep)) {
		err := e.sweepMaster(ctx)
		if err != nil && ctx.Err() == nil {
			e.MasterBackup.Done(err)
		}
		if err != nil && !failed && ctx.Err() == nil {
			e.o.Log.WarnContext(ctx, "backup of the master failed, and will be tried again", "error", err)
		}
		failed = err != nil
	}
}

// sweepMaster backs up the master if it was written, and its last backup isn't of just now.
func (e *Exports) sweepMaster(ctx context.Context) error {
	stands, at, err := e.masterStanding(ctx)
	if err != nil {
		return err
	}
	if stands.stored {
		e.MasterBackup.Done(nil)
		return nil
	}
	e.MasterBackup.Waits(stands.since)
	if time.Since(at) < e.o.Interval/2 {
		return nil
	}
	if err := e.StoreMaster(ctx); err != nil {
		return err
	}
	e.MasterBackup.Done(nil)
	return nil
}

// masterStanding says how the backup of the master stands, and when it was made.
func (e *Exports) masterStanding(ctx context.Context) (s standing, at time.Time, err error) {
	known, err := e.knownMaster(ctx)
	if err == nil && known.Bucket == "" {
		known, err = e.meetMaster(ctx)
	}
	if err != nil {
		return s, at, err
	}
	sign, err := e.o.Master.Exporter().Sign(ctx, quiet())
	if err != nil {
		return s, at, err
	}
	now := time.Now().UTC()
	s = standing{never: known.Bucket != e.o.Bucket.String(), since: now}
	s.stored = !s.never && known.Sign == sign
	switch {
	case s.stored:
	case s.never:
		s.since, err = e.firstTenant(ctx, now)
	case known.ChangedAt != nil:
		s.since = *known.ChangedAt
	default:
		err = e.note(ctx, []string{backup.MasterID}, now)
	}
	return s, known.At, err
}

func (e *Exports) knownMaster(ctx context.Context) (known tenants.Export, err error) {
	err = e.o.Master.View(ctx, func(tx *gorm.DB) error {
		return tx.Where("tenant_id = ?", backup.MasterID).Limit(1).Find(&known).Error
	})
	return known, err
}

// meetMaster notes the newest backup of a recovered master, which doesn't know of it.
func (e *Exports) meetMaster(ctx context.Context) (known tenants.Export, err error) {
	at, err := e.Newest(ctx, backup.MasterID, time.Time{})
	if errors.Is(err, backup.ErrNoBackup) {
		return known, nil
	}
	if err != nil {
		return known, err
	}
	now := time.Now().UTC()
	known = tenants.Export{TenantID: backup.MasterID, Bucket: e.o.Bucket.String(), At: at, ChangedAt: &now}
	return known, e.o.Master.Update(ctx, func(tx *gorm.DB) error { return tx.Save(&known).Error })
}

// firstTenant returns when the oldest tenant was created, or now if there is none.
func (e *Exports) firstTenant(ctx context.Context, now time.Time) (time.Time, error) {
	var first *time.Time
	err := e.o.Master.View(ctx, func(tx *gorm.DB) error {
		return tx.Model(&tenants.Tenant{}).Select("min(created_at)").Scan(&first).Error
	})
	if err != nil || first == nil {
		return now, err
	}
	return *first, nil
}

// StoreMaster backs up the master now. A file whose rows are those of the last one isn't stored again.
func (e *Exports) StoreMaster(ctx context.Context) (err error) {
	known, err := e.knownMaster(ctx)
	if err != nil {
		return err
	}
	next := tenants.Export{TenantID: backup.MasterID, Bucket: e.o.Bucket.String()}
	if next.Sign, err = e.o.Master.Exporter().Sign(ctx, quiet()); err != nil { // before the snapshot, as in store
		return err
	}
	dir, remove, err := e.o.Scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	path := filepath.Join(dir, "master.db")
	about, err := e.writeMaster(ctx, path)
	if err != nil {
		return err
	}
	e.o.Interrupt("backup: master written")
	next.At = about.ExportedAt
	about.Tables = slices.DeleteFunc(about.Tables, func(s portable.Sum) bool { return slices.Contains(quiet(), s.Table) })
	if next.Content, err = contentOf(about); err != nil {
		return err
	}
	if next.Content != known.Content || next.Bucket != known.Bucket {
		if err := e.put(ctx, keyOf(backup.MasterID, next.At), path); err != nil {
			return err
		}
		e.o.Interrupt("backup: master stored")
		if err := e.tidy(ctx, backup.MasterID); err != nil {
			return err
		}
	}
	return e.o.Master.Update(ctx, func(tx *gorm.DB) error { return tx.Save(&next).Error })
}

// writeMaster writes a file of the master, with its secrets as it keeps them: sealed.
func (e *Exports) writeMaster(ctx context.Context, path string) (a portable.About, err error) {
	from, err := e.o.Master.Exporter().Rows(ctx)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return portable.Write(ctx, e.o.MasterFiles, path, from, portable.About{ExportedAt: justAfter(time.Now()), Name: backup.MasterID, Credentials: true},
		portable.Options{Schema: tenants.MasterSchema(), Omit: leftOut()})
}

// SurveyMaster adds the master's backup to a survey.
func (e *Exports) SurveyMaster(ctx context.Context, s *backup.Survey) error {
	stands, at, err := e.masterStanding(ctx)
	if err != nil {
		return err
	}
	if !stands.never {
		at = at.UTC()
		s.Master = &at
	}
	s.Late = s.Late || !stands.stored && time.Since(stands.since) > 2*e.o.Interval
	return nil
}

// RestoreMaster has load fill a new master of the last backup before a time, or of the last one if the time is zero. It needs
// the bucket alone. Returns backup.ErrNoBackup or backup.ErrDamaged.
func (e *Exports) RestoreMaster(ctx context.Context, at time.Time, load func(version int64, fill func(ctx context.Context, into tenants.RowWriter) error) error) (r backup.Restored, err error) {
	dir, remove, err := e.o.Scratch()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	path := filepath.Join(dir, "master.db")
	if r, err = e.Restore(ctx, backup.MasterID, at, path); err != nil {
		return r, err
	}
	schema := tenants.MasterSchema()
	from, about, err := portable.Open(ctx, e.o.MasterFiles, path, schema)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	return r, load(from.Version(), func(ctx context.Context, into tenants.RowWriter) error {
		_, err := portable.Copy(ctx, from, into, portable.Options{Schema: schema, Expected: about.Tables, Omit: leftOut()})
		return err
	})
}
