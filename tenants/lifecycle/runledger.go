package lifecycle

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// RunLedger writes the ledger for migrations of a run that are under way at the same time. Each of its transactions is for
// many of them, because the master takes one at a time and each has its price. A caller still waits until what it wrote is
// committed, so that operations are recorded as they are without it. It is safe for concurrent use.
type RunLedger struct {
	m       *Manager
	begins  gatherer[*beginning]
	drains  gatherer[*draining]
	records gatherer[*recording]
	mean    atomic.Int64 // the mean time of a migration, in nanoseconds
}

// NewRunLedger returns a RunLedger for one run.
func (m *Manager) NewRunLedger() *RunLedger {
	l := &RunLedger{m: m}
	l.begins.answer, l.drains.answer, l.records.answer = l.beginAll, l.lookAll, l.recordAll
	return l
}

// MeanTime is about how long a migration of a tenant's database takes at present. It is 0 before the first one.
func (l *RunLedger) MeanTime() time.Duration { return time.Duration(l.mean.Load()) }

// pace notes how long a migration took.
func (l *RunLedger) pace(begun time.Time) {
	if l == nil {
		return
	}
	const weight = 8
	took, mean := int64(time.Since(begun)), l.mean.Load()
	if mean > 0 {
		took = mean + (took-mean)/weight
	}
	l.mean.Store(took)
}

// update is Update on the master for a group. It isn't cancelled with a caller, because others wait for it, too.
func (l *RunLedger) update(f tenants.Func) error {
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	return l.m.master.Update(ctx, f)
}

// beginning is a request to begin a migration.
type beginning struct {
	by Operator
	in InRun
	id string // the tenant's
	j  *job   // nil if the migration couldn't be begun in a group
}

// begin is Manager.begin for a migration of the tenant with that id. It returns nil unless the tenant is settled and
// behind and has no unfinished operation: then the caller begins it without it, which says what is wrong. Nor does it begin
// migrations with hooks.
func (l *RunLedger) begin(by Operator, in InRun, id string) *job {
	if len(l.m.hooksOf(tenants.KindMigrate)) > 0 {
		return nil
	}
	l.m.at(tenants.KindMigrate, "begin", "before")
	b := &beginning{by: by, in: in, id: id}
	l.begins.add(b)
	if b.j != nil {
		l.m.at(tenants.KindMigrate, "begin", "after")
	}
	return b.j
}

func (l *RunLedger) beginAll(group []*beginning) {
	byID := map[string]*beginning{}
	operations := make([]string, len(group))
	ids := make([]string, len(group))
	for i, b := range group {
		byID[b.id], ids[i], operations[i] = b, b.id, newID()
		l.m.store.Process().Hold(operations[i])
	}
	err := l.update(func(tx *gorm.DB) error {
		var idle []tenants.Tenant
		err := forUpdate(tx).Order("id").Find(&idle, `id IN ? AND NOT EXISTS
			(SELECT 1 FROM operations o WHERE o.tenant_id = tenants.id AND o.finished_at IS NULL)`, ids).Error
		if err != nil {
			return err
		}
		jobs, err := l.newJobs(tx, byID, idle, operations)
		if err != nil || len(jobs) == 0 {
			return err
		}
		return markAll(tx, jobs)
	})
	for i, id := range operations {
		if err != nil {
			group[i].j = nil
		}
		if !slices.ContainsFunc(group, func(b *beginning) bool { return b.j != nil && b.j.op.ID == id }) {
			l.m.store.Process().Release(id)
		}
	}
}

// newJobs sets the jobs of those tenants that are behind.
func (l *RunLedger) newJobs(tx *gorm.DB, byID map[string]*beginning, idle []tenants.Tenant, operations []string) (jobs []*job, err error) {
	now, err := l.m.master.Now(tx)
	if err != nil {
		return nil, err
	}
	for i := range idle {
		b := byID[idle[i].ID]
		j := l.m.newJobAt(now, b.by, tenants.KindMigrate)
		j.op.ID, j.tenant, j.ledger = operations[i], idle[i], l
		j.join(b.in)
		if l.m.aimMigrate(j) != nil {
			b.j = nil
			continue
		}
		j.params.From = j.tenant.State
		if err := j.compose(); err != nil {
			return nil, err
		}
		b.j = j
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// markAll is markPaused for many jobs, and stores their operations.
func markAll(tx *gorm.DB, jobs []*job) error {
	byState := map[tenants.State][]string{}
	operations := make([]*tenants.Operation, len(jobs))
	for i, j := range jobs {
		j.tenant.State = paused(j.tenant.State)
		j.tenant.Epoch++
		byState[j.tenant.State] = append(byState[j.tenant.State], j.tenant.ID)
		operations[i] = &j.op
	}
	for state, ids := range byState {
		err := tx.Model(&tenants.Tenant{}).Where("id IN ?", ids).Updates(map[string]any{"state": state, "epoch": gorm.Expr("epoch + 1")}).Error
		if err != nil {
			return err
		}
	}
	return tx.Omit("Acknowledgements").Create(operations).Error
}
