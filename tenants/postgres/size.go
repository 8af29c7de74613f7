package postgres

import (
	"context"
	"fmt"

	"tenantry/models"
	"tenantry/tenants"
)

var (
	_ tenants.Sizer    = (*Engine)(nil)
	_ tenants.Budgeted = (*Engine)(nil)
)

// Size is what the server says that the tenant's database takes.
func (e *Engine) Size(ctx context.Context, t *models.Tenant) (int64, error) {
	name, err := databaseName(t)
	if err != nil {
		return 0, err
	}
	var size *int64
	err = e.admin.QueryRowContext(ctx, "SELECT (SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1)",
		name).Scan(&size)
	if err != nil {
		return 0, fmt.Errorf("size of database %s: %w", name, translate(err))
	}
	if size == nil {
		return 0, fmt.Errorf("%w: database %s is missing", tenants.ErrUnavailable, name)
	}
	return *size, nil
}

// Connections are those of the budget.
func (e *Engine) Connections() tenants.Connections {
	b := e.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return tenants.Connections{Used: b.used, Limit: b.limit, Waiting: b.waiters.Len()}
}
