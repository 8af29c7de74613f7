package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"tenantry/tenants"
)

var _ tenants.Exposer = (*Engine)(nil)

// exposedQuery selects the databases to which everybody, the group $1 or a member of it may connect,
// except tenants' databases, which Examine checks.
const exposedQuery = `WITH member AS (
		SELECT role.oid, role.rolname FROM pg_auth_members m
		JOIN pg_roles role ON role.oid = m.member JOIN pg_roles grp ON grp.oid = m.roleid WHERE grp.rolname = $1
	)
	SELECT datname, array_agg(DISTINCT coalesce(role.rolname, 'PUBLIC')::text COLLATE "C")
	FROM pg_database CROSS JOIN LATERAL aclexplode(coalesce(datacl, acldefault('d', datdba))) a
	LEFT JOIN pg_roles role ON role.oid = a.grantee
	WHERE datallowconn AND privilege_type = 'CONNECT' AND datname !~ '^t_[0-9a-z]{26}$'
	AND (grantee = 0 OR role.rolname = $1 OR grantee IN (SELECT oid FROM member))
	GROUP BY datname ORDER BY datname`

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
	rows, err := e.admin.QueryContext(ctx, exposedQuery, e.group)
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
