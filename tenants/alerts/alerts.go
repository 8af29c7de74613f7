// Package alerts says what an operator should look at now: it is computed here for the console's
// overview and for the metrics. It looks at what this process knows and at the master's rows, and
// examines no database; lifecycle's Doctor does that.
package alerts

import (
	"context"
	"fmt"
	"time"

	"tenantry/tenants"
	"tenantry/tenants/backup/queue"
	"tenantry/tenants/proof"
	"tenantry/tenants/traffic"
)

// Kind is a kind of alert.
type Kind string

// The kinds of alerts.
const (
	// MasterDown means that the master doesn't answer. Other alerts may be missing then.
	MasterDown Kind = "master_down"
	// ServerDown means that no tenant on a server can be opened.
	ServerDown Kind = "server_down"
	// DiskNearlyFull means that a server's disk has little space left.
	DiskNearlyFull Kind = "disk_nearly_full"
	// ConnectionsUsedUp means that scopes wait for a connection to a server, and all are used.
	ConnectionsUsedUp Kind = "connections_used_up"
	// HandlesUsedUp means that tenants wait for a handle, and all are open.
	HandlesUsedUp Kind = "handles_used_up"
	// TenantUnreachable means that a tenant's database could not be opened.
	TenantUnreachable Kind = "tenant_unreachable"
	// TenantFailing means that at least half of a tenant's latest requests failed.
	TenantFailing Kind = "tenant_failing"
	// BackupLate means that commits of tenants, or changes of the master, have waited for their backup for more than twice the interval.
	BackupLate Kind = "backup_late"
	// BackupUnproven means that a tenant's newest backup could not be restored, or that this was not tried for long.
	BackupUnproven Kind = "backup_unproven"
	// OperationStuck means that an operation has stood still for long, or fails again and again.
	OperationStuck Kind = "operation_stuck"
	// JobsLate means that jobs have been due for long, and that no process takes care of them.
	JobsLate Kind = "jobs_late"
)

// Kinds returns all kinds of alerts, the gravest first.
func Kinds() []Kind {
	return []Kind{
		MasterDown, ServerDown, DiskNearlyFull, ConnectionsUsedUp, HandlesUsedUp, TenantUnreachable, TenantFailing, BackupLate, BackupUnproven, OperationStuck, JobsLate,
	}
}

// Alert is something that an operator should look at.
type Alert struct {
	Kind Kind
	// Subject is a tenant's subdomain or id, or a server's name. It is empty if the process or the master is
	// meant.
	Subject string
	// Detail says what is wrong, and Remedy what to do. They contain no secrets.
	Detail, Remedy string
}

// Watch computes alerts. It is safe for concurrent use.
type Watch struct {
	store   *tenants.Store
	archive *traffic.Archive
	proofs  *proof.Proofs
	backups []queue.Watched
}

// New returns a Watch. proofs may be nil; backups are what may be late.
func New(store *tenants.Store, archive *traffic.Archive, proofs *proof.Proofs, backups ...queue.Watched) *Watch {
	return &Watch{store, archive, proofs, backups}
}

// Check returns the present alerts, the gravest first. It returns at most a few of each kind; counts has
// how many there are of each. If ctx ends before all is checked, the rest counts as in order.
func (w *Watch) Check(ctx context.Context) (all []Alert, counts map[Kind]int) {
	found := map[Kind][]Alert{}
	add := func(list ...Alert) {
		for _, a := range list {
			found[a.Kind] = append(found[a.Kind], a)
		}
	}
	add(w.servers(ctx)...)
	add(w.handles()...)
	add(w.unreachable()...)
	add(w.late()...)
	failing, err := w.failing(ctx)
	if err == nil {
		add(failing...)
		failing, err = w.operations(ctx)
		add(failing...)
	}
	if err == nil {
		failing, err = w.jobs(ctx)
		add(failing...)
	}
	if err == nil && w.proofs != nil {
		failing, err = w.unproven(ctx)
		add(failing...)
	}
	if err != nil && ctx.Err() == nil {
		add(Alert{Kind: MasterDown, Detail: "The master doesn't answer.", Remedy: "Start it, or see why this process can't reach it; its log says more."})
	}
	counts = map[Kind]int{}
	for _, kind := range Kinds() {
		counts[kind] = len(found[kind])
		all = append(all, found[kind][:min(shown, len(found[kind]))]...)
	}
	return all, counts
}

// shown is the largest number of alerts of a kind.
const shown = 10

// handles returns an alert if tenants wait for handles.
func (w *Watch) handles() []Alert {
	load := w.store.Load()
	if load.Waiting == 0 || load.Open < load.Limit {
		return nil
	}
	return []Alert{{
		Kind:   HandlesUsedUp,
		Detail: fmt.Sprintf("Tenants that wait for one of %d open databases: %d.", load.Limit, load.Waiting),
		Remedy: "Raise the limit of open files and TENANTRY_MAX_OPEN_TENANTS, or add a process.",
	}}
}

// late returns an alert for each way of backing up that is late.
func (w *Watch) late() (all []Alert) {
	for _, b := range w.backups {
		late := b.Late()
		if late == nil {
			continue
		}
		detail := fmt.Sprintf("Commits to %d tenants are not backed up; the oldest, to %s, has waited for %v.", late.Waiting, late.Subdomain, late.Age.Round(time.Second))
		if late.Subdomain == "" {
			detail = fmt.Sprintf("Changes of the master are not backed up; the oldest has waited for %v.", late.Age.Round(time.Second))
		}
		if late.Err != nil {
			detail += " Its backup failed: " + late.Err.Error()
		}
		all = append(all, Alert{Kind: BackupLate, Detail: detail, Remedy: "See why the backups' storage can't be used; backups go on by themselves."})
	}
	return all
}

// unreachable returns an alert for each tenant that can't be opened.
func (w *Watch) unreachable() (all []Alert) {
	for _, f := range w.store.Failing() {
		all = append(all, Alert{
			Kind: TenantUnreachable, Subject: f.TenantID, Detail: "It can't be opened: " + f.Cause, Remedy: "Run the doctor.",
		})
	}
	return all
}
