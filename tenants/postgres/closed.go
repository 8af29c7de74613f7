package postgres

import (
	"context"
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
	SELECT format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC; GRANT EXECUTE ON FUNCTION %1$s TO %I',
			string_agg(oid::regprocedure::text, ', ' ORDER BY oid::regprocedure::text COLLATE "C"), current_user)
	FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ $1
		AND EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
		HAVING count(*) > 0
	UNION ALL
	SELECT format('REVOKE USAGE ON LANGUAGE %s FROM PUBLIC; GRANT USAGE ON LANGUAGE %1$s TO %I',
			string_agg(quote_ident(lanname), ', ' ORDER BY lanname), current_user)
	FROM pg_language WHERE lanpltrusted AND EXISTS (SELECT FROM aclexplode(coalesce(lanacl, acldefault('l', lanowner))) WHERE grantee = 0)
		HAVING count(*) > 0
	UNION ALL
	SELECT 'REVOKE UPDATE ON pg_catalog.pg_settings FROM PUBLIC' WHERE EXISTS (SELECT FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
		WHERE pg_class.oid = 'pg_catalog.pg_settings'::regclass AND grantee = 0 AND privilege_type = 'UPDATE')
	UNION ALL
	SELECT 'REVOKE ALL ON SCHEMA public FROM PUBLIC' WHERE EXISTS (SELECT FROM pg_namespace CROSS JOIN LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
		WHERE nspname = 'public' AND grantee = 0)
	UNION ALL
	SELECT format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', datname) FROM pg_database WHERE datname = current_database()
		AND EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'TEMPORARY')`

// doorsOpen describes a gap that doorsQuery finds.
const doorsOpen = "tenants' roles could leave their schemas, or hold up others"

// closeGap runs the statements that find returns, and logs them. Returns a *tenants.GapError with those that the provisioner may
// not run.
func (s *schemas) closeGap(ctx context.Context, detail string, find func(context.Context) ([]string, error)) error {
	return retryRaced(ctx, func() error {
		open, err := find(ctx)
		if err != nil || len(open) == 0 {
			return err
		}
		for _, statement := range open {
			if err := run(ctx, s.admin, statement); err != nil && stateOf(err) != codeForbidden {
				return err
			}
		}
		left, err := find(ctx)
		if err == nil && len(left) == 0 {
			s.config.Log.WarnContext(ctx, "closed: "+detail, "database", s.server.Database, "sql", strings.Join(open, "; "))
		}
		return s.expectClosed(detail, left, err)
	})
}

// expectClosed returns err, or a *tenants.GapError if there are statements that close a gap.
func (s *schemas) expectClosed(detail string, statements []string, err error) error {
	if err != nil || len(statements) == 0 {
		return err
	}
	return &tenants.GapError{Gap: tenants.Gap{Detail: detail, Database: s.server.Database, Remedy: strings.Join(statements, "; ") + ";"}}
}

func (s *schemas) openDoors(ctx context.Context) (statements []string, err error) {
	return s.readStatements(ctx, doorsQuery, closedFunctions)
}

func (s *schemas) readStatements(ctx context.Context, query string, args ...any) (statements []string, err error) {
	rows, err := s.admin.QueryContext(ctx, query, args...)
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

// powersQuery lists the statements that take from the login role $1 and the group $2 the attributes and memberships that
// they may not have.
const powersQuery = `WITH shared AS (
		SELECT * FROM pg_roles WHERE rolname IN ($1, $2)
	), power AS (
		SELECT rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
			CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END,
			CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END, CASE WHEN rolinherit THEN 'NOINHERIT' END,
			CASE WHEN rolcanlogin AND rolname = $2 THEN 'NOLOGIN' END) AS attributes FROM shared
	)
	SELECT format('ALTER ROLE %I %s', rolname, attributes) FROM power WHERE attributes <> ''
	UNION ALL
	SELECT format('REVOKE %I FROM %I', held.rolname, shared.rolname) FROM pg_auth_members m JOIN shared ON shared.oid = m.member
	JOIN pg_roles held ON held.oid = m.roleid
	WHERE CASE shared.rolname WHEN $1 THEN held.rolname <> $2 ELSE held.rolname !~ '^t_[0-9a-z]{26}_[0-9a-f]{8}$' END`

// powersHeld describes a gap that powersQuery finds.
const powersHeld = "the role as which scopes connect has rights that no tenant may have: it may only become the roles of the schemas"

func (s *schemas) heldPowers(ctx context.Context) (statements []string, err error) {
	return s.readStatements(ctx, powersQuery, s.direct.User, s.group)
}
