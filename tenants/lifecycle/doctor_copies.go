package lifecycle

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// CopiesKept is the kind of advice about a migration run whose copies have been kept for long, or that was accepted
// without all of them being removed.
const CopiesKept = "copies-kept"

// acceptAfter is how long copies may be kept until Doctor tells of them.
const acceptAfter = 3 * 24 * time.Hour

// adviseCopies looks for migration runs that wait for being accepted.
func (d *doctor) adviseCopies(ctx context.Context) error {
	var kept []struct {
		RunID      string
		Copies     int64
		Bytes      int64
		AcceptedAt *time.Time
		StartedAt  time.Time
	}
	err := d.master.View(ctx, func(tx *gorm.DB) error {
		now, err := d.master.Now(tx)
		if err != nil {
			return err
		}
		return tx.Model(&tenants.MigrationCopy{}).Joins("JOIN migration_runs r ON r.id = run_id").
			Where("r.accepted_at IS NOT NULL OR r.updated_at < ?", now.Add(-acceptAfter)).
			Select("run_id, count(*) AS copies, sum(bytes) AS bytes, r.accepted_at, r.started_at").
			Group("run_id, r.accepted_at, r.started_at").Order("run_id").Scan(&kept).Error
	})
	if err != nil {
		return fmt.Errorf("look for copies: %w", err)
	}
	for _, k := range kept {
		f := Finding{
			Kind: CopiesKept, Subject: k.RunID, Advice: true,
			Detail: fmt.Sprintf("the migration run of %s keeps copies of databases: %d, with %d bytes", k.StartedAt.UTC().Format(time.RFC3339), k.Copies, k.Bytes),
			Remedy: fmt.Sprintf("if all is well: %[1]s migrate accept %[2]s; to go back: %[1]s migrate revert %[2]s", d.program, k.RunID),
		}
		if k.AcceptedAt != nil {
			f.Detail += ", although it was accepted"
			f.Remedy = fmt.Sprintf("remove them: %s migrate accept %s", d.program, k.RunID)
		}
		d.add(f)
	}
	return nil
}
