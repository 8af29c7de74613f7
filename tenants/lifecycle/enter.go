package lifecycle

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// Entry says as which of a tenant's people an operator enters it, and why.
type Entry struct {
	Email, Reason string
	// Writes means that the operator may also write.
	Writes bool
}

// Enter records in the ledger that an operator may enter a tenant, and calls record in the same transaction, at a time of
// the master's clock. It returns the tenant. Returns record's error, tenants.ErrUnknownTenant or an *UnderWayError.
func (m *Manager) Enter(ctx context.Context, by Operator, subdomain string, e Entry, record func(tx *gorm.DB, t *tenants.Tenant, now time.Time) error) (*tenants.Tenant, error) {
	return m.do(ctx, by, tenants.KindEnter, subdomain, func(tx *gorm.DB, j *job) error {
		j.params.Email, j.params.Reason, j.params.To = e.Email, e.Reason, "read"
		if e.Writes {
			j.params.To = "write"
		}
		return record(tx, &j.tenant, j.now)
	})
}
