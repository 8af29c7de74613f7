package lifecycle

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// repair repairs what it can in the tenant's database and in the version that the master
// records, according to the tenant's row when the operation begins. If the database must be
// moved, every process first closes its handles.
func (m *Manager) repair(ctx context.Context, by Operator, id string, move bool) (*tenants.Tenant, error) {
	return m.do(ctx, by, tenants.KindRepair, id, func(tx *gorm.DB, j *job) (err error) {
		if !j.tenant.HasDatabase() {
			return errUnchanged
		}
		if j.tenant.State == tenants.StatePurged {
			if j.op.Subdomain, err = subdomainBefore(tx, id); err != nil {
				return err
			}
		}
		if move {
			return markPaused(tx, j)
		}
		j.params.From, j.plan.steps = j.tenant.State, j.plan.steps[1:] // without the drain
		return nil
	})
}

// mendDatabase examines the tenant's database again, because it may have changed before the
// operation began, and repairs it.
func mendDatabase(m *Manager, ctx context.Context, j *job) error {
	engine, err := m.engine(j)
	if err != nil {
		return err
	}
	faults, err := engine.Examine(ctx, &j.tenant)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(faults, func(f tenants.Fault) bool { return f.Mendable && f.Kind != tenants.FaultVersion }) {
		if err := engine.Mend(ctx, &j.tenant); err != nil {
			return err
		}
		if faults, err = engine.Examine(ctx, &j.tenant); err != nil {
			return err
		}
	}
	for _, f := range faults {
		if f.Kind == tenants.FaultVersion {
			j.tenant.SchemaVersion = f.Version
		}
	}
	return nil
}
