package postgres

import (
	"context"
	"database/sql"
	"fmt"
)

// grantRights grants a role the use of a schema's objects, and of those that the provisioner will
// make in it: reading and writing rows, nothing else. It skips a table on which the role has any
// permission, so that a migration can revoke some. The table of versions can only be read.
func grantRights(ctx context.Context, db *sql.DB, schema, role string) error {
	script := render(`DO $tenantry$ DECLARE object regclass; BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock({lock});
		REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
		GRANT USAGE ON SCHEMA {schema} TO {role};
		ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
		ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {role};
		FOR object IN SELECT oid FROM pg_catalog.pg_class
			WHERE relnamespace = {schema text}::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_has_role(relowner, 'USAGE')
			AND NOT pg_catalog.has_table_privilege({role text}, oid, 'SELECT, INSERT, UPDATE, DELETE')
		LOOP
			EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', object, {role text});
		END LOOP;
		FOR object IN SELECT oid FROM pg_catalog.pg_class
			WHERE relnamespace = {schema text}::regnamespace AND pg_catalog.pg_has_role(relowner, 'USAGE')
			AND CASE relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege({role text}, oid, 'USAGE') END
		LOOP
			EXECUTE pg_catalog.format('GRANT USAGE ON SEQUENCE %s TO %I', object, {role text});
		END LOOP;
		REVOKE INSERT, UPDATE, DELETE ON {schema}.goose_db_version FROM {role};
		REVOKE ALL ON SEQUENCE {schema}.goose_db_version_id_seq FROM {role};
	END $tenantry$`, map[string]string{"schema": schema, "role": role, "lock": fmt.Sprint(int64(templateLock))})
	return retryRaced(ctx, func() error { return run(ctx, db, script) })
}
