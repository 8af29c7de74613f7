package alerts

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/traffic"
)

const (
	// recent is the time whose requests decide whether a tenant fails, in minutes.
	recent = 5
	// fewest is the smallest number of requests that decide.
	fewest = 10
)

// failing returns an alert for each tenant of which at least half of the latest requests failed.
func (w *Watch) failing(ctx context.Context) ([]Alert, error) {
	ranks, err := w.archive.Recent(ctx, recent)
	if err != nil {
		return nil, err
	}
	var bad []traffic.Rank
	for _, r := range ranks {
		if r.Requests >= fewest && 2*r.Failed >= r.Requests {
			bad = append(bad, r)
		}
	}
	names, err := w.names(ctx, bad)
	if err != nil {
		return nil, err
	}
	var all []Alert
	for _, r := range bad {
		if name := names[r.TenantID]; name != "" {
			all = append(all, Alert{
				Kind: TenantFailing, Subject: name,
				Detail: fmt.Sprintf("%d of %d requests failed in the last %d minutes.", r.Failed, r.Requests, recent),
				Remedy: "Search the log for this tenant and the status 500 or 503.",
			})
		}
	}
	return all, nil
}

// names returns the subdomains of the tenants that still exist, by id.
func (w *Watch) names(ctx context.Context, ranks []traffic.Rank) (map[string]string, error) {
	if len(ranks) == 0 {
		return nil, nil
	}
	ids := make([]string, len(ranks))
	for i := range ranks {
		ids[i] = ranks[i].TenantID
	}
	var found []tenants.Tenant
	err := w.store.Master().View(ctx, func(tx *gorm.DB) error {
		return tx.Select("id", "subdomain").Find(&found, "id IN ? AND state <> ?", ids, tenants.StatePurged).Error
	})
	names := make(map[string]string, len(found))
	for _, t := range found {
		names[t.ID] = t.Subdomain
	}
	return names, err
}

const (
	// still is how long an operation may stand at a step, and a job may wait that is due.
	still = 15 * time.Minute
	// tries is how often an operation may fail before it counts as stuck.
	tries = 5
	// searched limits the operations that are looked for.
	searched = 1000
)

// operations returns an alert for each operation that is stuck.
func (w *Watch) operations(ctx context.Context) ([]Alert, error) {
	var stuck []tenants.Operation
	err := w.store.Master().View(ctx, func(tx *gorm.DB) error {
		now, err := w.store.Master().Now(tx)
		if err != nil {
			return err
		}
		return tx.Order("id").Limit(searched).
			Find(&stuck, "finished_at IS NULL AND (updated_at < ? OR attempts >= ? AND error <> '')", now.Add(-still), tries).Error
	})
	all := make([]Alert, len(stuck))
	for i, o := range stuck {
		all[i] = Alert{
			Kind: OperationStuck, Subject: o.Subdomain,
			Detail: fmt.Sprintf("%s has not finished since %s UTC, after %d attempts.", o.Kind, o.StartedAt.UTC().Format("2006-01-02 15:04:05"), o.Attempts),
			Remedy: "The operation's error says why; the doctor can finish it, and tenant cancel gives it up.",
		}
	}
	return all, err
}

// jobs returns an alert if jobs are late.
func (w *Watch) jobs(ctx context.Context) ([]Alert, error) {
	oldest, err := w.store.Master().OldestDue(ctx)
	if err != nil || oldest.Age < still {
		return nil, err
	}
	return []Alert{{
		Kind: JobsLate, Subject: oldest.Subdomain, Detail: fmt.Sprintf("A job has been due for %v, and no process runs it.", oldest.Age.Round(time.Second)),
		Remedy: "Jobs list shows it. A server must run that knows its kind; its log says why a tenant's jobs can't run.",
	}}, nil
}

// unproven returns an alert for each tenant whose backups can't be relied on.
func (w *Watch) unproven(ctx context.Context) (all []Alert, err error) {
	found, err := w.proofs.Unproven(ctx, searched)
	for _, u := range found {
		all = append(all, Alert{
			Kind: BackupUnproven, Subject: u.Subdomain, Detail: u.String(), Remedy: "Run backup verify for it; if that fails, backup run --whole makes a new backup.",
		})
	}
	return all, err
}
