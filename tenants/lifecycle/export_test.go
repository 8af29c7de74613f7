package lifecycle

import (
	"context"

	"tenantry/tenants"
	"tenantry/tenants/seal"
)

// Reseal seals one tenant's credentials anew if its row still holds those in t.
func Reseal(ctx context.Context, m *Manager, keys *seal.Ring, t *tenants.Tenant) (repaired bool, err error) {
	findings := []Finding{{}}
	d := &doctor{Manager: m, Checkup: Checkup{Keys: keys}}
	err = d.reseal(ctx, map[int]*tenants.Tenant{0: t}, findings)
	return findings[0].Repaired, err
}
