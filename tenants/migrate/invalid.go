package migrate

import (
	"context"
	"database/sql"
	"fmt"
)

// querier is a pool or a connection.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// InvalidIndexes returns the quoted names of the indexes that CREATE INDEX CONCURRENTLY left behind when it failed, sorted.
// An index that is being made is not among them. The database must be on Postgres.
func InvalidIndexes(ctx context.Context, db querier) (names []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT quote_ident(relname) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		WHERE NOT indisvalid AND relkind = 'i' AND relnamespace = current_schema()::regnamespace AND NOT EXISTS (
			SELECT FROM pg_locks JOIN pg_database d ON d.oid = database AND datname = current_database()
			WHERE relation = indrelid AND mode = 'ShareUpdateExclusiveLock' AND granted) -- that of its maker
		ORDER BY relname`)
	if err != nil {
		return nil, fmt.Errorf("look for invalid indexes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("look for invalid indexes: %w", err)
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// dropInvalidIndexes drops them, so that the migration that failed can be run again: without that it would fail
// because the index exists or, with IF NOT EXISTS, leave the index invalid.
func dropInvalidIndexes(ctx context.Context, conn *sql.Conn) error {
	names, err := InvalidIndexes(ctx, conn)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.ExecContext(ctx, "DROP INDEX IF EXISTS "+name); err != nil {
			return fmt.Errorf("drop invalid index %s: %w", name, err)
		}
	}
	return nil
}
