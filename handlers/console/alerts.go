package console

import (
	"context"
	"net/url"
	"slices"
	"time"

	"tenantry/tenants/alerts"
)

// alertsTimeout limits the time to look for alerts.
const alertsTimeout = 2 * time.Second

// alertRow is an alert with the pages that help.
type alertRow struct {
	alerts.Alert
	// Link is the path of the page about its subject, or empty.
	Link string
}

// Title says what kind of alert it is.
func (r alertRow) Title() string {
	switch r.Kind {
	case alerts.MasterDown:
		return "The master doesn't answer"
	case alerts.ServerDown:
		return "Server down"
	case alerts.DiskNearlyFull:
		return "Disk nearly full"
	case alerts.ConnectionsUsedUp:
		return "Connections used up"
	case alerts.HandlesUsedUp:
		return "Open databases used up"
	case alerts.TenantFailing:
		return "Tenant failing"
	case alerts.BackupLate:
		return "Backups late"
	case alerts.BackupUnproven:
		return "Backup not proven"
	case alerts.OperationStuck:
		return "Operation stuck"
	case alerts.JobsLate:
		return "Jobs late"
	}
	return string(r.Kind)
}

// alerts returns the present alerts. Tenants that can't be opened are left out: the
// overview has a section for them.
func (s *Console) alerts(ctx context.Context) []alertRow {
	ctx, cancel := context.WithTimeout(ctx, alertsTimeout)
	defer cancel()
	found, _ := alerts.New(s.o.Store, s.o.Traffic, s.o.Proofs, s.o.Backups...).Check(ctx)
	found = slices.DeleteFunc(found, func(a alerts.Alert) bool { return a.Kind == alerts.TenantUnreachable })
	rows := make([]alertRow, len(found))
	for i, a := range found {
		rows[i] = alertRow{a, alertLink(a)}
	}
	return rows
}

// alertLink returns the path of the page about an alert's subject.
func alertLink(a alerts.Alert) string {
	switch a.Kind {
	case alerts.ServerDown, alerts.DiskNearlyFull, alerts.ConnectionsUsedUp, alerts.HandlesUsedUp:
		return "/servers"
	case alerts.TenantFailing, alerts.BackupUnproven:
		return "/tenants/" + url.PathEscape(a.Subject)
	case alerts.JobsLate:
		if a.Subject != "" {
			return "/tenants/" + url.PathEscape(a.Subject) + "/jobs"
		}
	case alerts.OperationStuck:
		return linkTo("/operations", "tenant", a.Subject, "unfinished", "true")
	}
	return ""
}
