package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"tenantry/tenants"
)

var _ tenants.Exposer = (*Engine)(nil)

// Exposed lists the databases on the server to which tenants' roles may connect, except each tenant's
// own.
func (e *Engine) Exposed(ctx context.Context) ([]tenants.Exposure, error) {
	exposed, err := e.exposed(ctx)
	if err != nil {
		return nil, fmt.Errorf("find exposed databases: %w", translate(err))
	}
	return exposed, nil
}

func (e *Engine) exposed(ctx context.Context) (found []tenants.Exposure, err error) {
	rows, err := e.admin.QueryContext(ctx, e.layout.exposedQuery(), e.group)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	arrays := pgtype.NewMap()
	for rows.Next() {
		var open tenants.Exposure
		if err := rows.Scan(&open.Database, arrays.SQLScanner(&open.Roles)); err != nil {
			return nil, err
		}
		for _, role := range open.Roles {
			if role != "PUBLIC" {
				role = pgx.Identifier{role}.Sanitize()
			}
			open.Remedy += fmt.Sprintf("REVOKE CONNECT ON DATABASE %s FROM %s; ", pgx.Identifier{open.Database}.Sanitize(), role)
		}
		found = append(found, open)
	}
	return found, rows.Err()
}
