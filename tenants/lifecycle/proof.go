package lifecycle

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tenantry/tenants"
)

// Tried is what came of restoring and checking a tenant's newest backup.
type Tried struct {
	// At is when the state that was restored was backed up, Size its bytes, and Took how long restoring and checking took.
	At   time.Time
	Size int64
	Took time.Duration
	// Err says why the backup can't be relied on. It is nil if it can.
	Err error
}

// RecordProof records a try in the ledger, as an operation that is done or failed, and as the tenant's proof. It does so
// beside other operations on the tenant.
func (m *Manager) RecordProof(ctx context.Context, by Operator, t *tenants.Tenant, r Tried) error {
	j, err := m.begin(ctx, by, tenants.KindVerify, func(tx *gorm.DB, j *job) error {
		j.tenant, j.op.StartedAt = *t, j.now.Add(-r.Took)
		if !r.At.IsZero() {
			at := r.At.UTC()
			j.params.BackupAt = &at
		}
		if r.Err != nil {
			j.op.State, j.op.Error = tenants.OperationUndoing, r.Err.Error() // which ends as failed
		}
		return saveProof(tx, j, r)
	})
	if err != nil {
		return err
	}
	m.store.Process().Release(j.op.ID)
	return nil
}

func saveProof(tx *gorm.DB, j *job, r Tried) error {
	p := tenants.Proof{TenantID: j.tenant.ID, TriedAt: j.now, Error: j.op.Error}
	columns := []string{"tried_at", "error"}
	if r.Err == nil {
		p.ProvenAt, p.BackupAt, p.Took, p.Size = &j.now, j.params.BackupAt, r.Took, r.Size
		columns = append(columns, "proven_at", "backup_at", "took", "size")
	}
	return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "tenant_id"}}, DoUpdates: clause.AssignmentColumns(columns)}).
		Create(&p).Error
}

// Proof returns what came of trying the tenant's backups, or nil if none was tried.
func (m *Manager) Proof(ctx context.Context, tenantID string) (*tenants.Proof, error) {
	var p tenants.Proof
	err := m.master.View(ctx, func(tx *gorm.DB) error { return tx.Take(&p, "tenant_id = ?", tenantID).Error })
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &p, err
}
