package postgres

import (
	"context"
	"database/sql"
	"fmt"
)

// grantRights grants the group the use of a database's objects, and of those that the provisioner will
// make in it: reading and writing rows, nothing else. It skips a table on which the group has any
// permission, so that a migration can revoke some. The table of versions can only be read.
func grantRights(ctx context.Context, db *sql.DB, group string) error {
	script := render(`DO $tenantry$ DECLARE object regclass; BEGIN
		PERFORM pg_catalog.pg_advisory_xact_lock({lock});
		REVOKE ALL ON SCHEMA public FROM PUBLIC;
		GRANT USAGE ON SCHEMA public TO {group};
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {group};
		ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {group};
		FOR object IN SELECT oid FROM pg_catalog.pg_class
			WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_has_role(relowner, 'USAGE')
			AND NOT pg_catalog.has_table_privilege({group text}, oid, 'SELECT, INSERT, UPDATE, DELETE')
		LOOP
			EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I', object, {group text});
		END LOOP;
		FOR object IN SELECT oid FROM pg_catalog.pg_class
			WHERE relnamespace = 'public'::regnamespace AND pg_catalog.pg_has_role(relowner, 'USAGE')
			AND CASE relkind WHEN 'S' THEN NOT pg_catalog.has_sequence_privilege({group text}, oid, 'USAGE') END
		LOOP
			EXECUTE pg_catalog.format('GRANT USAGE ON SEQUENCE %s TO %I', object, {group text});
		END LOOP;
		REVOKE INSERT, UPDATE, DELETE ON public.goose_db_version FROM {group};
		REVOKE ALL ON SEQUENCE public.goose_db_version_id_seq FROM {group};
	END $tenantry$`, map[string]string{"group": group, "lock": fmt.Sprint(int64(templateLock))})
	return retryRaced(ctx, func() error { return run(ctx, db, script) })
}
