package fleet

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"tenantry/tenants"
)

// target is a tenant that a run migrates.
type target struct {
	ID, Subdomain, Server, Database string
	SchemaVersion                   int64
	// Failed reports whether the last migration of the tenant failed.
	Failed bool
	// Tried reports whether that migration belongs to the run.
	Tried bool
}

// lastMigration joins each tenant with its last migration, as o.
const lastMigration = "LEFT JOIN operations o ON o.id = (SELECT max(id) FROM operations WHERE tenant_id = tenants.id AND kind = 'migrate')"

// targets returns the tenants that the run has yet to migrate: first the canaries, then the others, the newest
// first because they have the least to lose, and at last those that failed in the run.
func (f *Fleet) targets(ctx context.Context, run *tenants.MigrationRun, plan Plan) (targets []target, err error) {
	behind, err := f.behind(ctx)
	if err != nil || len(behind) == 0 {
		return nil, err
	}
	err = f.store.Master().View(ctx, func(tx *gorm.DB) error {
		tx = tx.Model(&tenants.Tenant{}).Joins(lastMigration).
			Select("tenants.id, tenants.subdomain, tenants.server, tenants.database, tenants.schema_version, coalesce(o.state, '') = ? AS failed, coalesce(o.run_id, '') = ? AS tried",
				tenants.OperationFailed, run.ID).
			Where("tenants.state IN ?", tenants.MigratedStates()).Where(anyOf(tx, behind))
		if plan.Server != "" {
			tx = tx.Where("server = ?", plan.Server)
		}
		if len(plan.Tenants) > 0 {
			tx = tx.Where("tenants.subdomain IN ?", plan.Tenants)
		}
		if len(plan.Except) > 0 {
			tx = tx.Where("tenants.subdomain NOT IN ?", plan.Except)
		}
		if plan.Failed {
			tx = tx.Where("o.state = ?", tenants.OperationFailed)
		}
		return tx.Order("tenants.id DESC").Scan(&targets).Error
	})
	if err != nil {
		return nil, fmt.Errorf("list tenants to migrate: %w", err)
	}
	rank := func(t target) int {
		switch {
		case t.Tried:
			return 2
		case slices.Contains(plan.Canaries, t.Subdomain):
			return 0
		}
		return 1
	}
	slices.SortStableFunc(targets, func(a, b target) int { return rank(a) - rank(b) })
	return targets, nil
}

// behind returns the standings of the tenants whose version in the master is older than their engine's.
func (f *Fleet) behind(ctx context.Context) ([]VersionCount, error) {
	standings, err := Status(ctx, f.store)
	return slices.DeleteFunc(standings, func(s VersionCount) bool { return s.SchemaVersion >= s.Target }), err
}

// anyOf is the condition that a tenant has one of the standings.
func anyOf(tx *gorm.DB, standings []VersionCount) *gorm.DB {
	any := tx.Session(&gorm.Session{NewDB: true})
	for _, s := range standings {
		any = any.Or("tenants.server = ? AND tenants.schema_version = ?", s.Server, s.SchemaVersion)
	}
	return any
}
