package lifecycle

import (
	"context"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// draining asks which processes have not yet drained a job's tenant.
type draining struct {
	id      string // the operation's
	waiting []tenants.Instance
	err     error
}

func (l *RunLedger) unacknowledged(j *job) ([]tenants.Instance, error) {
	d := &draining{id: j.op.ID}
	l.drains.add(d)
	return d.waiting, d.err
}

func (l *RunLedger) lookAll(group []*draining) {
	ids := make([]string, len(group))
	for i, d := range group {
		ids[i] = d.id
	}
	ctx, cancel := context.WithTimeout(context.Background(), undoTimeout)
	defer cancel()
	var waiting map[string][]tenants.Instance
	err := l.m.master.View(ctx, func(tx *gorm.DB) (err error) {
		waiting, err = l.m.store.Unacknowledged(tx, ids)
		return err
	})
	for _, d := range group {
		d.waiting, d.err = waiting[d.id], err
	}
}

// recording is a request to record that a job's current step is done.
type recording struct {
	j   *job
	err error
}

// record is recordStep for a running migration.
func (l *RunLedger) record(j *job) error {
	r := &recording{j: j}
	l.records.add(r)
	return r.err
}

func (l *RunLedger) recordAll(group []*recording) {
	before := make([]tenants.Operation, len(group))
	for i, r := range group {
		before[i] = r.j.op
	}
	err := l.update(func(tx *gorm.DB) error {
		for i, r := range group {
			r.j.op, r.err = before[i], nil
		}
		held, err := l.held(tx, group)
		if err != nil || len(held) == 0 {
			return err
		}
		return recordJobs(tx, held)
	})
	for i, r := range group {
		if err != nil {
			r.err = err
		}
		if r.err != nil {
			r.j.op = before[i]
		}
	}
}

// held moves the jobs that are this process's behind their steps, and returns them. The others get errTakenOver.
func (l *RunLedger) held(tx *gorm.DB, group []*recording) (jobs []*job, err error) {
	now, err := l.m.master.Now(tx)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(group))
	for i, r := range group {
		ids[i] = r.j.op.ID
	}
	var rows []tenants.Operation
	err = forUpdate(tx).Select("id", "step").Order("id").
		Find(&rows, "id IN ? AND instance_id = ? AND state = ?", ids, l.m.store.Process().ID(), tenants.OperationRunning).Error
	steps := map[string]string{}
	for _, row := range rows {
		steps[row.ID] = row.Step
	}
	for _, r := range group {
		if steps[r.j.op.ID] != r.j.op.Step {
			r.err = errTakenOver
			continue
		}
		r.j.now = now
		r.j.stepDone(r.j.plan.steps, r.j.stepIndex(), now)
		jobs = append(jobs, r.j)
	}
	return jobs, err
}

// recordJobs stores the operations of jobs that have moved behind a step, and returns the tenants of those that are done
// to their states.
func recordJobs(tx *gorm.DB, jobs []*job) error {
	var ids []string
	byStep, byVersion := map[string][]*job{}, map[restoration][]string{}
	for _, j := range jobs {
		ids = append(ids, j.op.ID)
		byStep[j.op.Step] = append(byStep[j.op.Step], j)
		if j.op.FinishedAt != nil {
			to := restoration{j.params.From, j.tenant.SchemaVersion}
			byVersion[to] = append(byVersion[to], j.tenant.ID)
		}
	}
	if err := tx.Delete(&tenants.Acknowledgement{}, "operation_id IN ?", ids).Error; err != nil {
		return err
	}
	for to, ids := range byVersion {
		columns := map[string]any{"state": to.state, "schema_version": to.version}
		if err := tx.Model(&tenants.Tenant{}).Where("id IN ?", ids).Updates(columns).Error; err != nil {
			return err
		}
	}
	for _, jobs := range byStep {
		if err := storeStep(tx, jobs); err != nil {
			return err
		}
	}
	return nil
}

// restoration is how restoreState leaves a tenant.
type restoration struct {
	state   tenants.State
	version int64
}

// storeStep stores the operations of jobs that are at the same step.
func storeStep(tx *gorm.DB, jobs []*job) error {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.op.ID
		if j.op.FinishedAt != nil {
			j.tenant.State = j.params.From
		}
	}
	op := jobs[0].op
	return tx.Model(&tenants.Operation{}).Where("id IN ?", ids).Updates(map[string]any{
		"state": op.State, "step": op.Step, "error": op.Error, "instance_id": op.InstanceID, "updated_at": op.UpdatedAt, "finished_at": op.FinishedAt,
	}).Error
}
