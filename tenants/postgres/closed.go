package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"tenantry/tenants"
)

// closedFunctions are the functions that roles of tenants must not call in a database that they share, as a pattern of
// names: set_config could change the role in the middle of a statement; advisory locks, notifications and large objects belong to
// no schema.
const closedFunctions = `^(set_config|pg_(try_)?advisory_.*|pg_notify|lo_(create|creat|from_bytea|import|export|put|open))$`

// doorsQuery lists the statements that close to everybody what could lead out of a tenant's role, or let one tenant hold up
// another, as far as it is open. Of what follows, only set_config changes a role; a DO block could run SET ROLE.
const doorsQuery = `
	SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %1$s TO %I', oid::regprocedure, current_user)
	FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ $1
		AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
	UNION ALL
	SELECT format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC; GRANT USAGE ON LANGUAGE %1$I TO %I', lanname, current_user)
	FROM pg_language WHERE lanpltrusted AND EXISTS (SELECT FROM aclexplode(coalesce(lanacl, acldefault('l', lanowner))) WHERE grantee = 0)
	UNION ALL
	SELECT 'REVOKE UPDATE ON pg_catalog.pg_settings FROM PUBLIC' WHERE EXISTS (SELECT FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
		WHERE pg_class.oid = 'pg_catalog.pg_settings'::regclass AND grantee = 0 AND privilege_type = 'UPDATE')
	UNION ALL
	SELECT 'REVOKE ALL ON SCHEMA public FROM PUBLIC' WHERE EXISTS (SELECT FROM pg_namespace CROSS JOIN LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
		WHERE nspname = 'public' AND grantee = 0)
	UNION ALL
	SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', datname) FROM pg_database WHERE datname = current_database()
		AND EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'TEMPORARY')`

// errDoors means that the provisioner can't close what only a superuser can.
var errDoors = errors.New("tenants' roles could leave their schemas")

// closeDoors closes what doorsQuery lists. Returns errDoors, with what a superuser must run, if that can't be done.
func (s *schemas) closeDoors(ctx context.Context) error {
	return retryRaced(ctx, func() error {
		open, err := s.openDoors(ctx)
		if err != nil || len(open) == 0 {
			return err
		}
		if err := run(ctx, s.admin, strings.Join(open, "; ")); err != nil && stateOf(err) != codeForbidden {
			return err
		}
		if open, err = s.openDoors(ctx); err != nil || len(open) == 0 {
			return err
		}
		return fmt.Errorf("%w: %w of database %s; have a superuser run in it: %s;", tenants.ErrUnavailable, errDoors, s.server.Database,
			strings.Join(open, "; "))
	})
}

func (s *schemas) openDoors(ctx context.Context) (statements []string, err error) {
	rows, err := s.admin.QueryContext(ctx, doorsQuery, closedFunctions)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			return nil, err
		}
		statements = append(statements, statement)
	}
	return statements, rows.Err()
}
