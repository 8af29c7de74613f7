package trial

import (
	"context"
	"database/sql"
	"strings"
)

// sqliteCatalog reads a catalog in one statement. A table's root page stays the same when the table is renamed. SQLite
// has one lock, for the whole file, which readers don't see.
const sqliteCatalog = `WITH objects AS (
		SELECT type AS kind, name, tbl_name, sql, iif(coalesce(rootpage, 0) > 0, CAST(rootpage AS text), type || ' ' || name) AS id FROM sqlite_master
		WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND tbl_name NOT IN ('goose_db_version', 'tenantry_identity')
	), tables AS (SELECT * FROM objects WHERE kind = 'table')
	SELECT json_object(
	'relations', json((SELECT json_group_array(json_object('id', id, 'kind', kind, 'name', name,
			'table', iif(kind IN ('index', 'trigger'), coalesce((SELECT id FROM tables WHERE tables.name = objects.tbl_name), ''), ''),
			'file', '', 'unique', json(iif(kind = 'index' AND sql LIKE 'create unique%', 'true', 'false')), 'scans', 0))
		FROM objects)),
	'columns', json((SELECT json_group_array(json_object('table', id, 'name', c.name, 'position', cid, 'type', lower(c.type),
			'required', json(iif(c."notnull" AND dflt_value IS NULL AND pk = 0 AND hidden = 0, 'true', 'false')),
			'variable', json(iif(upper(dflt_value) LIKE 'CURRENT\_%' ESCAPE '\' OR dflt_value LIKE '%(%' AND dflt_value NOT LIKE '''%', 'true', 'false'))))
		FROM tables, pragma_table_xinfo(tables.name) AS c)),
	'constraints', json_array(),
	'locks', json_array(),
	'dangling', json((SELECT json_group_array(tables.name || ' refers to ' || f."table")
		FROM tables, pragma_foreign_key_list(tables.name) AS f
		WHERE lower(f."table") NOT IN (SELECT lower(name) FROM tables))))`

// scannedTables returns the tables of which a statement will read all rows, as SQLite plans it.
func scannedTables(ctx context.Context, db *sql.DB, statement string) (tables []string, err error) {
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(detail, "SCAN "); ok {
			name, _, _ = strings.Cut(strings.TrimPrefix(name, "TABLE "), " ")
			tables = append(tables, name)
		}
	}
	return tables, rows.Err()
}
