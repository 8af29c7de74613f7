package lifecycle

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"tenantry/tenants"
	"tenantry/tenants/jobs"
)

// RetryJobs is jobs.Retry for an operator, which the ledger records first if there are such jobs. The operation on jobs without
// tenant has no tenant.
func (m *Manager) RetryJobs(ctx context.Context, by Operator, t *tenants.Tenant, ids ...string) (n int64, err error) {
	found, err := jobs.Discards(ctx, m.store, t, ids...)
	if err != nil || found == 0 {
		return 0, err
	}
	j, err := m.begin(ctx, by, tenants.KindRetry, func(_ *gorm.DB, j *job) error {
		j.params.Jobs = ids
		if t != nil {
			j.tenant = *t
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("record that jobs are retried: %w", err)
	}
	m.store.Process().Release(j.op.ID)
	return jobs.Retry(ctx, m.store, t, ids...)
}
