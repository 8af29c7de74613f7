package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tenantry/tenants"
)

// comparedSize is the size up to which a database is compared with a copy row by row.
const comparedSize = 64 << 20

// CopyAge compares the rows of the tenant's database with those of the copy.
func (e *Engine) CopyAge(ctx context.Context, t *tenants.Tenant, run string) (age tenants.CopyAge, err error) {
	name, err := copyName(t, run)
	if err != nil {
		return age, err
	}
	if kept, err := e.hasCopy(name); err != nil || !kept {
		return age, errors.Join(tenants.ErrNoCopy, fileError(err))
	}
	if age.WrittenAt, err = e.Written(ctx, t); err != nil {
		return age, err
	}
	size, err := e.Size(ctx, t)
	if err != nil {
		return age, err
	}
	age.Rows = -1
	if size <= comparedSize {
		age.Rows, err = e.countChanged(ctx, t, e.files.path(name))
	}
	if err != nil {
		return age, fmt.Errorf("compare %s with its copy: %w", t.Database, unavailable(err))
	}
	return age, nil
}

// commonColumns selects the tables that both databases have, with the quoted names of the columns that both have. Identity
// and applied migrations are no rows of a tenant.
const commonColumns = `SELECT format('"%w"', t.name), group_concat(format('"%w"', c.name), ', ')
	FROM main.sqlite_master t, pragma_table_info(t.name, 'main') c
	JOIN kept.sqlite_master k ON k.type = 'table' AND k.name = t.name
	WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND t.name NOT IN ('goose_db_version', '` + identityTable + `')
	AND c.name IN (SELECT name FROM pragma_table_info(t.name, 'kept')) GROUP BY t.name`

// countChanged counts the rows that are not in both databases.
func (e *Engine) countChanged(ctx context.Context, t *tenants.Tenant, copied string) (changed int64, err error) {
	path, err := e.existingPath(t)
	if err != nil {
		return 0, err
	}
	db := sql.OpenDB(connector{dsn: dsn(path, "mode=rw"), verify: ownedBy(t)})
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, "ATTACH ? AS kept", dsn(copied, "mode=ro&immutable=1")); err != nil {
		return 0, err
	}
	tables, err := readCommon(ctx, db)
	for table, columns := range tables {
		var more, fewer int64
		only := func(one, other string) string {
			return fmt.Sprintf("SELECT count(*) FROM (SELECT %[1]s FROM %[3]s.%[2]s EXCEPT SELECT %[1]s FROM %[4]s.%[2]s)", columns, table, one, other)
		}
		if err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT (%s), (%s)", only("main", "kept"), only("kept", "main"))).Scan(&more, &fewer); err != nil {
			return 0, err
		}
		changed += max(more, fewer) // a changed row is among both
	}
	return changed, err
}

func readCommon(ctx context.Context, db *sql.DB) (map[string]string, error) {
	rows, err := db.QueryContext(ctx, commonColumns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tables := map[string]string{}
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			return nil, err
		}
		tables[table] = columns
	}
	return tables, rows.Err()
}
