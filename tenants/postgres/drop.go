package postgres

import (
	"context"
	"fmt"

	"tenantry/tenants"
)

// Drop removes the tenant's database, in use, in the trash or unfinished, ends the connections to it,
// and removes the tenant's role.
func (e *Engine) Drop(ctx context.Context, t *tenants.Tenant) error {
	name, err := databaseName(t)
	if err != nil {
		return err
	}
	if err := e.drop(ctx, name); err != nil {
		return fmt.Errorf("drop database %s: %w", name, asProvisioner(err))
	}
	return nil
}

func (e *Engine) drop(ctx context.Context, name string) error {
	if err := e.joinRole(ctx, e.layout.roleOf(name)); err != nil {
		return err
	}
	for _, database := range []string{name, trashName(name), e.adoptionName(name)} {
		if err := e.layout.remove(ctx, database); err != nil {
			return err
		}
	}
	return retryRaced(ctx, func() error { return e.exec(ctx, "DROP ROLE IF EXISTS %s", e.layout.roleOf(name)) })
}
