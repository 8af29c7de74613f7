package postgres

import (
	"context"

	"tenantry/models"
	"tenantry/tenants"
)

func (e *Engine) Examine(ctx context.Context, t *models.Tenant) ([]tenants.Fault, error) {
	return nil, nil
}
func (e *Engine) Mend(ctx context.Context, t *models.Tenant) error { return nil }
