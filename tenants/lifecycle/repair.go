package lifecycle

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// repair puts right what can be in the tenant's database, and what the master
// says of its version, by the tenant's row as it is when the operation begins.
// Where the database has to be moved, every process lets go of it first.
func (m *Manager) repair(ctx context.Context, by Operator, id string, move bool) (*tenants.Tenant, error) {
	return m.do(ctx, by, tenants.KindRepair, id, func(tx *gorm.DB, j *job) (err error) {
		if !hasDatabase(&j.tenant) {
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

// mendDatabase examines the tenant's database again, since what was found before
// the operation began may be different now, and mends it.
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
