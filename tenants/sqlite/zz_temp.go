package sqlite

import (
	"context"

	"tenantry/models"
)

func (e *Engine) Adopt(ctx context.Context, t *models.Tenant, source string) (version int64, err error) {
	panic("later")
}
