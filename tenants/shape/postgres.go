package shape

import (
	"context"
	"strings"
)

// Each query returns the names of objects and their properties, as text. What the server qualifies with the schema's name is
// called as in the schema "public".
const (
	postgresTables = `
		SELECT CASE relkind WHEN 'r' THEN 'table ' ELSE 'relation of kind ' || relkind::text || ' ' END || relname,
		       concat_ws(', ', 'persistence ' || relpersistence::text,
		           CASE relkind WHEN 'v' THEN 'options ' || array_to_string(reloptions, ' and ') ELSE array_to_string(reloptions, ',') END,
		           CASE WHEN relrowsecurity THEN 'row security' END)
		FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind NOT IN ('i', 'S') AND relname <> 'goose_db_version'`

	postgresColumns = `
		SELECT format('table %s, column %s', relname, attname),
		       concat_ws(', ', format_type(atttypid, atttypmod),
		           CASE WHEN attnotnull THEN 'not null' ELSE 'null' END,
		           'default ' || replace(pg_get_expr(adbin, adrelid), quote_ident(current_schema()) || '.', 'public.'),
		           'identity ' || nullif(attidentity::text, ''), 'generated ' || nullif(attgenerated::text, ''),
		           'collation ' || nullif(nullif(attcollation, 0)::regcollation::text, '"default"'))
		FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		     LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> 'goose_db_version'
		      AND attnum > 0 AND NOT attisdropped`

	// From Postgres 18 on NOT NULL is a constraint of type n. The columns' properties show it already.
	postgresConstraints = `
		SELECT format('table %s, constraint %s', relname, conname), replace(pg_get_constraintdef(pg_constraint.oid), quote_ident(current_schema()) || '.', 'public.')
		FROM pg_constraint JOIN pg_class ON conrelid = pg_class.oid
		WHERE relnamespace = current_schema()::regnamespace AND relname <> 'goose_db_version' AND contype <> 'n'`

	postgresIndexes = `
		SELECT format('table %s, index %s', t.relname, i.relname),
		       replace(pg_get_indexdef(indexrelid), quote_ident(current_schema()) || '.', 'public.') || CASE WHEN indisvalid THEN '' ELSE ', invalid' END
		FROM pg_index JOIN pg_class t ON t.oid = indrelid JOIN pg_class i ON i.oid = indexrelid
		WHERE t.relnamespace = current_schema()::regnamespace AND t.relname <> 'goose_db_version'`

	postgresSequences = `
		SELECT 'sequence ' || s.relname,
		       concat_ws(', ', format_type(seqtypid, NULL), 'from ' || seqstart, 'by ' || seqincrement,
		           'within ' || seqmin || ' and ' || seqmax, CASE WHEN seqcycle THEN 'cycle' END,
		           'of ' || t.relname || '.' || attname)
		FROM pg_sequence JOIN pg_class s ON s.oid = seqrelid
		     LEFT JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = seqrelid
		         AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
		     LEFT JOIN pg_class t ON t.oid = refobjid
		     LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
		WHERE s.relnamespace = current_schema()::regnamespace AND t.relname IS DISTINCT FROM 'goose_db_version'`

	postgresTriggers = `
		SELECT format('table %s, trigger %s', relname, tgname), 
		       replace(pg_get_triggerdef(pg_trigger.oid), quote_ident(current_schema()) || '.', 'public.') || ', enabled ' || tgenabled::text
		FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
		WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal`

	postgresFunctions = `
		SELECT format('function %s', oid::regprocedure), replace(pg_get_functiondef(oid), quote_ident(current_schema()) || '.', 'public.')
		FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p')`

	// Tables have row types, and those have array types. Neither was created by hand.
	postgresTypes = `
		SELECT format('type %s', oid::regtype), 'kind ' || typtype::text
		FROM pg_type
		WHERE typnamespace = current_schema()::regnamespace AND typtype <> 'c' AND typelem = 0`

	// Of a database, Read reads only the schema "public", but includes the names of other schemas.
	postgresElsewhere = `
		SELECT 'schema ' || nspname, '' FROM pg_namespace
		WHERE current_schema() = 'public' AND nspname NOT IN ('public', 'information_schema') AND nspname NOT LIKE 'pg\_%'
		UNION ALL
		SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata WHERE current_schema() = 'public' HAVING count(*) > 0`

	postgresHasMigrations = `SELECT 'yes' WHERE to_regclass(quote_ident(current_schema()) || '.goose_db_version') IS NOT NULL`

	postgresMigrations = `
		SELECT 'migration ' || version_id,
		       string_agg(CASE WHEN is_applied THEN 'applied' ELSE 'taken back' END, ', ' ORDER BY id)
		FROM goose_db_version GROUP BY version_id`
)

func (s Shape) readPostgres(ctx context.Context, r Reader) error {
	queries := []string{
		postgresTables, postgresColumns, postgresConstraints, postgresIndexes, postgresSequences,
		postgresTriggers, postgresFunctions, postgresTypes, postgresElsewhere,
	}
	migrated, err := rows(ctx, r, postgresHasMigrations)
	if err != nil {
		return err
	}
	if len(migrated) > 0 {
		queries = append(queries, postgresMigrations)
	}
	return s.add(ctx, r, strings.Join(queries, " UNION ALL "))
}
