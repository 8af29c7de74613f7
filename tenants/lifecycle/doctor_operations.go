package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tenantry/tenants"

	"gorm.io/gorm"
)

// The kinds of findings about operations.
const (
	// OperationUnfinished means that no process works on an unfinished operation any more.
	OperationUnfinished = "operation-unfinished"
	// CreationUnfinished means that a tenant is incomplete and no operation will finish it.
	CreationUnfinished = "creation-unfinished"
	// RemovalOverdue means that a purged tenant's data should have been removed.
	RemovalOverdue = "removal-overdue"
)

// examineOperations finds interrupted operations, and finishes them if d.Repair is set.
func (d *doctor) examineOperations(ctx context.Context) error {
	found, err := d.findUnfinished(ctx)
	if err != nil || len(found) == 0 {
		return err
	}
	if d.Repair {
		if err := d.Tend(ctx); err != nil {
			return err
		}
		left, err := d.findUnfinished(ctx)
		if err != nil {
			return err
		}
		for i, f := range found {
			at := slices.IndexFunc(left, func(l Finding) bool { return l.Kind == f.Kind && l.Subject == f.Subject })
			if at < 0 {
				found[i].Repaired = true
			} else {
				found[i] = left[at] // with why it failed now
			}
		}
	}
	d.add(found...)
	return nil
}

// findUnfinished returns a finding for each thing that Tend would do.
func (d *doctor) findUnfinished(ctx context.Context) ([]Finding, error) {
	var operations []tenants.Operation
	var creations, removals []tenants.Tenant
	err := d.master.View(ctx, func(tx *gorm.DB) error {
		if err := d.orphaned(tx).Order("id").Find(&operations).Error; err != nil {
			return err
		}
		if err := unrecorded(tx).Order("id").Find(&creations).Error; err != nil {
			return err
		}
		return d.overdue(tx, &removals)
	})
	if err != nil {
		return nil, fmt.Errorf("find unfinished operations: %w", err)
	}
	const remedy = "run with --repair to finish it, or start a server, which does so within a minute"
	var found []Finding
	for _, o := range operations {
		detail := fmt.Sprintf("%s by %s, begun at %s, stopped at step %q", o.Kind, o.By, o.StartedAt.UTC().Format(time.RFC3339), o.Step)
		if o.Error != "" {
			detail += ": " + o.Error
		}
		found = append(found, Finding{
			Kind: OperationUnfinished, Subject: o.Subdomain, Detail: detail,
			Remedy: remedy + "; if it can never succeed: " + d.program + " tenant cancel " + o.Subdomain,
		})
	}
	for _, t := range creations {
		found = append(found, Finding{Kind: CreationUnfinished, Subject: t.Subdomain, Detail: "the tenant was never completely created, and no operation will finish it", Remedy: remedy})
	}
	for _, t := range removals {
		detail := "its data should have been removed at " + t.RemoveAfter.UTC().Format(time.RFC3339)
		found = append(found, Finding{Kind: RemovalOverdue, Subject: t.Subdomain, Detail: detail, Remedy: remedy})
	}
	return found, nil
}

// overdueAfter is the time after which a due removal is reported. Servers remove data every
// minute.
const overdueAfter = 5 * time.Minute

// overdue reads the purged tenants whose data is overdue for removal.
func (d *doctor) overdue(tx *gorm.DB, removals *[]tenants.Tenant) error {
	now, err := d.master.Now(tx)
	if err != nil {
		return err
	}
	return tx.Where("state = ? AND remove_after <= ?", tenants.StatePurged, now.Add(-overdueAfter)).Order("id").Find(removals).Error
}
