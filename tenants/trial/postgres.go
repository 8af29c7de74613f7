package trial

import "slices"

// postgresCatalog reads a catalog in one statement. It counts a table's scans in the session, apart from those that the
// server's statistics have had already: within a transaction that is none.
const postgresCatalog = `SELECT pg_catalog.json_build_object(
	'relations', (SELECT coalesce(json_agg(found), '[]') FROM (
		SELECT c.oid::text AS id,
			CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'S' THEN 'sequence' ELSE 'view' END AS kind,
			relname AS name, coalesce(indrelid::text, '') AS table, relfilenode::text AS file, coalesce(indisunique, false) AS unique,
			CASE relkind WHEN 'r' THEN pg_stat_get_xact_numscans(c.oid) ELSE 0 END AS scans
		FROM pg_class c LEFT JOIN pg_index ON indexrelid = c.oid
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'i', 'I', 'v', 'm', 'S') AND NOT starts_with(relname, 'goose_db_version')
			AND NOT (relkind = 'S' AND EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i')
				AND refclassid = 'pg_class'::regclass))
		UNION ALL
		SELECT p.oid::text, 'function', p.oid::regprocedure::text, '', '', false, 0 FROM pg_proc p WHERE pronamespace = current_schema()::regnamespace
		UNION ALL
		SELECT t.oid::text, 'type', t.oid::regtype::text, '', '', false, 0 FROM pg_type t WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd')
		UNION ALL
		SELECT t.oid::text, 'trigger', tgname, tgrelid::text, '', false, 0
		FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
	) AS found),
	'columns', (SELECT coalesce(json_agg(found), '[]') FROM (
		SELECT attrelid::text AS table, attname AS name, attnum AS position, format_type(atttypid, atttypmod)
				|| coalesce(' collate ' || nullif(nullif(attcollation, 0)::regcollation::text, '"default"'), '') AS type,
			attnotnull AND NOT atthasdef AND attidentity = '' AS required, false AS variable
		FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'goose_db_version' AND attnum > 0 AND NOT attisdropped
	) AS found),
	'constraints', (SELECT coalesce(json_agg(found), '[]') FROM (
		SELECT oid::text AS id, conrelid::text AS table, contype::text AS kind, conname AS name, convalidated AS valid
		FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0 AND contype IN ('c', 'f', 'x', 'u', 'p')
	) AS found),
	'locks', (SELECT coalesce(json_agg(found), '[]') FROM (
		SELECT relation::text AS table, mode FROM pg_locks
		WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND mode <> 'AccessShareLock'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
	) AS found))::text`

// modes returns the modes of locks on tables, the weakest first.
func modes() []string {
	return []string{
		"", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
		"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
	}
}

func strength(mode string) int { return slices.Index(modes(), mode) }

// blocks returns what waits for the lock.
func blocks(mode string) string {
	switch {
	case mode == "AccessExclusiveLock":
		return "reads and writes"
	case strength(mode) >= strength("ShareLock"):
		return "writes"
	}
	return ""
}

// words returns a mode as the manual of Postgres spells it.
func words(mode string) string {
	spelled := map[string]string{
		"RowShareLock": "ROW SHARE", "RowExclusiveLock": "ROW EXCLUSIVE", "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
		"ShareLock": "SHARE", "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE", "ExclusiveLock": "EXCLUSIVE", "AccessExclusiveLock": "ACCESS EXCLUSIVE",
	}
	return spelled[mode]
}
