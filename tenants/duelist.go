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

// OldestDue is the job that has been due for longest and that no process takes care of.
type OldestDue struct {
	// Subdomain is the tenant's; it is empty for a job without tenant.
	Subdomain string
	// Age is how long it has been due. It is 0 if no job waits.
	Age time.Duration
}

// OldestDue returns the job of an active tenant, or without tenant, that has been due for longest and that no process takes
// care of, as far as the master knows. It opens no tenant.
func (m *Master) OldestDue(ctx context.Context) (oldest OldestDue, err error) {
	err = m.View(ctx, func(tx *gorm.DB) error {
		now, err := m.Now(tx)
		if err != nil {
			return err
		}
		type waiting struct {
			Subdomain string
			At        time.Time
		}
		var ofTenants, outside []waiting
		err = tx.Raw(`SELECT t.subdomain, d.at FROM due d JOIN tenants t ON t.id = d.tenant_id
			WHERE d.instance_id = '' AND t.state = ? ORDER BY d.at LIMIT 1`, StateActive).Scan(&ofTenants).Error
		if err != nil {
			return err
		}
		err = tx.Raw("SELECT '' AS subdomain, scheduled_at AS at FROM jobs WHERE state = 'available' ORDER BY scheduled_at LIMIT 1").Scan(&outside).Error
		if err != nil {
			return err
		}
		oldest = OldestDue{}
		for _, row := range append(ofTenants, outside...) {
			if age := now.Sub(row.At); age > oldest.Age {
				oldest = OldestDue{row.Subdomain, age}
			}
		}
		return nil
	})
	return oldest, err
}
