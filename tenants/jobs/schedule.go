package jobs

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
	"gorm.io/gorm"

	"tenantry/tenants"
)

// Schedule makes a job of the tenant come back at the times of a cron expression in a time zone, such as "0 7 * * 1-5" for
// seven o'clock on working days. A zone that is nil is the tenant's own: see tenants.Zone. When that changes, the occurrence
// that is already written keeps its time unless Reschedule is called. There is one for each kind and name; Schedule replaces it. The next occurrence is
// written by the scope that completes or discards the one before, so that occurrences don't run at the same time, and
// those that were missed run once. A time that a change of the clocks skips is left out, and a time that comes twice runs twice.
func Schedule(tx *gorm.DB, name, expression string, zone *time.Location, args Args) error {
	spec := expression
	if zone != nil {
		spec = "CRON_TZ=" + zone.String() + " " + expression
	}
	next, err := nextTime(spec, time.Now().In(tenants.Zone(tx)))
	if err != nil {
		return err
	}
	row, err := newRow(args)
	if err != nil {
		return err
	}
	if err := Unschedule(tx, name, args); err != nil {
		return err
	}
	row.Schedule, row.ScheduledAt, row.UniqueKey = spec, next, &name
	return insert(tx, row)
}

// Unschedule ends what Schedule began. Nothing happens if there is no such schedule.
func Unschedule(tx *gorm.DB, name string, args Args) error {
	return tx.Delete(&Row{}, "kind = ? AND unique_key = ? AND schedule <> '' AND state = ?", args.Kind(), name, Available).Error
}

// nextTime returns the first time of the schedule after a time, in that time's zone unless the schedule has one.
func nextTime(spec string, after time.Time) (time.Time, error) {
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		return time.Time{}, fmt.Errorf("schedule %q: %w", spec, err)
	}
	next := schedule.Next(after)
	if next.IsZero() {
		return next, fmt.Errorf("schedule %q: it has no time in the next five years", spec)
	}
	return instant(next), nil
}

// Reschedule moves the next occurrences of schedules in the tenant's own zone to the times that they have in its present
// zone.
func Reschedule(tx *gorm.DB) error {
	var rows []Row
	if err := tx.Find(&rows, "schedule <> '' AND schedule NOT LIKE '%TZ=%' AND state = ?", Available).Error; err != nil {
		return err
	}
	for _, row := range rows {
		next, err := nextTime(row.Schedule, time.Now().In(tenants.Zone(tx)))
		if err != nil {
			return err
		}
		if err := tx.Model(&row).Update("scheduled_at", next).Error; err != nil {
			return err
		}
		tenants.MarkDue(tx, next)
	}
	return nil
}

// comeBack writes the occurrence that follows row, if it is of a schedule. row is deleted or discarded in the scope of tx.
func comeBack(tx *gorm.DB, row Row) error {
	if row.Schedule == "" {
		return nil
	}
	next, err := nextTime(row.Schedule, time.Now().In(tenants.Zone(tx)))
	if err != nil {
		return err
	}
	now := instant(time.Now())
	following := Row{
		ID: newID(), Kind: row.Kind, Args: row.Args, UniqueKey: row.UniqueKey, Schedule: row.Schedule,
		State: Available, ScheduledAt: next, CreatedAt: now, UpdatedAt: now,
	}
	return insert(tx, following)
}
