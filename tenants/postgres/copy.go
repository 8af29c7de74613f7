package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"tenantry/tenants"
)

const (
	// copiedTables selects the tables and the columns to copy. The source may have them in a schema of another name, so the
	// search path of each side finds them.
	copiedTables = `SELECT quote_ident(relname), string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
			AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
		GROUP BY relname ORDER BY relname`

	// copiedIndexes selects the statements that drop plain indexes and make them again. It is faster to make them when the
	// rows are there.
	copiedIndexes = `SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
		FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname <> 'goose_db_version'
			AND NOT indisunique AND NOT indisclustered AND NOT indisexclusion AND indisvalid
		ORDER BY indexrelid`

	// aroundCopies selects the other statements to run before and after copying rows. Foreign keys are dropped
	// and added again, which checks them all at once; triggers are disabled, because they have fired in
	// the source; materialized views are refreshed.
	aroundCopies = `SELECT before, after FROM (
			SELECT 1 AS turn, oid, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS before,
				format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS after
			FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND conparentid = 0
			UNION ALL
			SELECT 2, t.oid, format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname),
				format('ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass,
					CASE tgenabled WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, tgname)
			FROM pg_trigger t JOIN pg_class ON pg_class.oid = tgrelid
			WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND tgenabled <> 'D'
			UNION ALL
			SELECT 3, oid, 'SET CONSTRAINTS ALL IMMEDIATE', format('REFRESH MATERIALIZED VIEW %s', oid::regclass)
			FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'm'
		) AS changes ORDER BY turn, oid`

	copiedSequences = `SELECT quote_ident(relname), '' FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' AND relname <> 'goose_db_version_id_seq'`
)

// copyRows copies all rows, then the values of the sequences. These belong to no snapshot, and are never
// behind the rows.
func copyRows(ctx context.Context, from, into *session) error {
	err := (&rowStream{session: into}).aroundRows(ctx, func() error {
		tables, err := into.pairs(ctx, copiedTables)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if err := copyTable(ctx, from, into, table[0], table[1]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return copySequences(ctx, from, into)
}

// aroundRows runs the statements of copiedIndexes and aroundCopies before and after copy, which may call Index.
func (r *rowStream) aroundRows(ctx context.Context, copy func() error) error {
	indexes, err := r.pairs(ctx, copiedIndexes)
	if err != nil {
		return err
	}
	around, err := r.pairs(ctx, aroundCopies)
	if err != nil {
		return err
	}
	for _, change := range slices.Concat(indexes, around) {
		if _, err := r.tx.ExecContext(ctx, change[0]); err != nil {
			return err
		}
	}
	for _, index := range indexes {
		r.indexes = append(r.indexes, index[1])
	}
	if err := copy(); err != nil {
		return err
	}
	if err := r.Index(ctx); err != nil {
		return err
	}
	for _, change := range around {
		if _, err := r.tx.ExecContext(ctx, change[1]); err != nil {
			return constraintError(err)
		}
	}
	return nil
}

// errCopy tells the target's server that the source failed. The server writes it into its log; the
// caller gets the source's error.
var errCopy = errors.New("the source can't be read")

// copyTable copies a table with a COPY on each side.
func copyTable(ctx context.Context, from, into *session, table, columns string) error {
	reader, writer := io.Pipe()
	var reading, writing error
	var both errgroup.Group
	both.Go(func() error {
		reading = from.raw(func(c *pgconn.PgConn) error {
			_, err := c.CopyTo(ctx, writer, fmt.Sprintf("COPY %s (%s) TO STDOUT", table, columns))
			return err
		})
		end := io.EOF
		if reading != nil {
			end = errCopy
		}
		return writer.CloseWithError(end)
	})
	both.Go(func() error {
		writing = into.raw(func(c *pgconn.PgConn) error {
			_, err := c.CopyFrom(ctx, reader, fmt.Sprintf("COPY %s (%s) FROM STDIN", table, columns))
			return err
		})
		return reader.CloseWithError(errStopped)
	})
	if err := both.Wait(); err != nil {
		return err
	}
	if reading != nil && !errors.Is(reading, errStopped) {
		return sourceError(ctx, reading)
	}
	return constraintError(writing)
}

// errStopped means that the target accepts no more rows.
var errStopped = errors.New("the copy can't be written")

// constraintError turns the target's refusal of a row into a *tenants.SourceError that names the constraint.
func constraintError(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.Code[:2] {
	case "23":
		rule := refused.ConstraintName
		if rule == "" {
			rule = "that " + refused.ColumnName + " is not null"
		}
		return &tenants.SourceError{Reason: fmt.Sprintf("table %s has rows that violate %s", refused.TableName, rule)}
	case "22":
		return &tenants.SourceError{Reason: "it has rows that this server doesn't accept (SQLSTATE " + refused.Code + ")"}
	}
	return err
}

func copySequences(ctx context.Context, from, into *session) error {
	sequences, err := into.pairs(ctx, copiedSequences)
	if err != nil {
		return err
	}
	for _, sequence := range sequences {
		var last int64
		var called bool
		err := from.tx.QueryRowContext(ctx, "SELECT last_value, is_called FROM "+sequence[0]).Scan(&last, &called)
		if err != nil {
			return sourceError(ctx, err)
		}
		_, err = into.tx.ExecContext(ctx, "SELECT setval($1::text::regclass, $2, $3)", sequence[0], last, called)
		if err != nil {
			return err
		}
	}
	return nil
}

// pairs returns the result of a query of two columns.
func (s *session) pairs(ctx context.Context, query string) (all [][2]string, err error) {
	rows, err := s.tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var pair [2]string
		if err := rows.Scan(&pair[0], &pair[1]); err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	return all, rows.Err()
}
