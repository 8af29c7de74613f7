package tenants

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// DueTenant is a tenant that has jobs, or may have some, as it is shown to operators.
type DueTenant struct {
	TenantID, Subdomain string
	State               State
	// At is when its next job is due; for a tenant that a process takes care of, since when it does.
	At time.Time
	// Process is the name of the process that takes care of the tenant, its instance id if it has died or lapsed and no other
	// has taken over yet, or empty if none does.
	Process string
}

// DueTenants returns at most limit tenants with jobs, those that are due first: each once, or once for each process that
// takes care of it. It opens no tenant.
func (m *Master) DueTenants(ctx context.Context, limit int) (found []DueTenant, err error) {
	err = m.View(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`SELECT d.tenant_id, t.subdomain, t.state, d.at, coalesce(i.name, d.instance_id) AS process
			FROM due d JOIN tenants t ON t.id = d.tenant_id LEFT JOIN instances i ON i.id = d.instance_id
			WHERE d.instance_id <> ? AND NOT (d.instance_id = '' AND EXISTS
				(SELECT 1 FROM due o WHERE o.tenant_id = d.tenant_id AND o.instance_id NOT IN ('', ?)))
			ORDER BY d.at, d.tenant_id LIMIT ?`, lookAgain, lookAgain, limit).Scan(&found).Error
	})
	return found, err
}
